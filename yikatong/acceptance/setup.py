"""Operators and venues of the demonstration and of a fresh installation, from the city's places.

The metro's stations are venues of one operator: how the city's two metro companies share a fare among themselves is not
public (assumption). Idempotent.
"""

from yikatong.acceptance.models import Operator, Venue
from yikatong.city.network import metro_network
from yikatong.city.tariffs import load_metro_tariff


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
        Venue(venue_id=metro_venue_id(station), operator=metro, name=station)
        for station in sorted(metro_network().stations)
    ]
    Venue.objects.bulk_create(venues, ignore_conflicts=True)
    return Venue.objects.filter(operator=metro).count()


def metro_venue_id(station: str) -> str:
    """A station's venue."""
    return f"metro:{station}"
