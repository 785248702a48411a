"""Operators and venues of a fresh installation, from the city's places.

The metro's stations are venues of one operator: how the city's two metro companies share a fare among themselves is not
public (assumption). A hospital, library or park becomes an operator with one venue when its first terminal is registered.
Idempotent.
"""

from django.db import transaction

from yikatong.acceptance.models import Operator, Venue
from yikatong.city.models import Place
from yikatong.city.network import metro_network
from yikatong.city.tariffs import load_metro_tariff
from yikatong.foundation.errors import YikatongError
from yikatong.gm import sm3

SCENARIOS = {"medical_institution": "medical", "library": "libraries", "park": "parks"}
"""What an institution of each kind of place accepts the card for. A metro station's operator is not itself."""
OPERATOR_CODE_LENGTH_MAX = 20


class PlaceUnknown(YikatongError):
    """The city's data know no such institution; the text names those that look like it."""


def ensure_operators() -> int:
    """Make the metro operator with a venue per station; how many venues there are."""
    tariff = load_metro_tariff()
    metro, _ = Operator.objects.get_or_create(
        code=tariff.rule.operator_code,
        defaults={
            "name_zh": "北京轨道交通（清分主体）",
            "name_en": "Beijing rail transit (clearing party)",
            "scenario": "transit",
            "source": "assumption: one clearing party for all metro companies",
        },
    )
    venues = [
        Venue(venue_id=metro_venue_id(station), operator=metro, name=station, place_id=metro_venue_id(station))
        for station in sorted(metro_network().stations)
    ]
    Venue.objects.bulk_create(venues, ignore_conflicts=True)
    return Venue.objects.filter(operator=metro).count()


def metro_venue_id(station: str) -> str:
    """A station's venue; also the name of its place in the city's data."""
    return f"metro:{station}"


def ensure_institution(name: str) -> Venue:
    """The venue of a hospital, library or park by its name or place id, made with its operator if it is not there.

    Raises ``PlaceUnknown``.
    """
    places = Place.objects.filter(kind__in=SCENARIOS)
    found = list(places.filter(place_id=name)[:1]) or list(places.filter(name=name)[:2])
    if len(found) != 1:
        raise PlaceUnknown(_which(name, found or list(places.filter(name__contains=name).order_by("name")[:5])))
    place = found[0]
    with transaction.atomic():
        operator, _ = Operator.objects.get_or_create(
            code=_operator_code(place),
            defaults={
                "name_zh": place.name[:80],
                "name_en": place.place_id,
                "scenario": SCENARIOS[place.kind],
                "source": f"{place.source}; that it takes part: assumption"[:120],
            },
        )
        venue, _ = Venue.objects.get_or_create(
            venue_id=place.place_id,
            defaults={"operator": operator, "name": place.name, "place_id": place.place_id},
        )
    return venue


def _operator_code(place: Place) -> str:
    """From the place's own code when it has a short one, such as MED-01110003, else from a digest of its id."""
    own = place.code if place.code.isascii() and 0 < len(place.code) <= OPERATOR_CODE_LENGTH_MAX - 4 else ""
    return f"{place.kind[:3].upper()}-{own or sm3.digest(place.place_id.encode()).hex()[:12]}"


def _which(name: str, close: list[Place]) -> str:
    if not close:
        return f"没有名为“{name}”的医院、图书馆或公园；请先运行 yikatong city load，或换一个名称"
    choices = "、".join(f"{place.name}（{place.place_id}）" for place in close)
    return f"“{name}”不能确定是哪一处；请用括号中的编号：{choices}"
