"""What the finder needs, written by the city's loader in its own transaction: spots from the places, outlets and divisions it
has just written, and questions with their first answers.

Coordinates of whatever system become WGS-84 here, once. Questions are seeded: a code seen for the first time becomes a
published question; a changed text becomes a new version while no staff has touched it, and is left alone afterwards.
"""

import json
from collections.abc import Iterator
from datetime import date

from yikatong.banks.models import Outlet
from yikatong.city.content import CityContent
from yikatong.city.guidance import QUESTIONS
from yikatong.city.models import Division, Place
from yikatong.city.writing import Part, replace_rows
from yikatong.foundation.clock import utc_now
from yikatong.guide.coordinates import Point, to_wgs84
from yikatong.guide.models import Question, Spot
from yikatong.guide.seeding import seed_questions
from yikatong.guide.spelling import initials_of, syllables

SOURCE_OF_PLACE = {
    "metro_station": "metro_stations",
    "medical_institution": "medical_institutions",
    "park": "parks",
    "library": "libraries",
}
CLINICS = frozenset({"社区卫生站", "村卫生室", "对内"})
"""Categories of the designated list that are no hospital: community and village stations, and rooms for one employer's staff."""


def write_spots(content: CityContent) -> int:
    """Every place, outlet and division; how many."""
    return replace_rows(Spot.objects.all(), [*_places(content), *_outlets(), *_divisions(content)])


def _spelt(spot: Spot) -> Spot:
    parts = syllables(spot.name)
    spot.pinyin, spot.initials = " ".join(parts)[:600], initials_of(parts)[:120]
    return spot


def _places(content: CityContent) -> Iterator[Spot]:
    for place in Place.objects.order_by("place_id"):
        file = content.folder.described(SOURCE_OF_PLACE[place.kind])
        spot = Spot(
            spot_id=place.place_id,
            category=_category(place),
            name=place.name,
            aliases="；".join(place.details.get("aliases_en", []))[:300],
            district_code=place.district_code,
            address=place.address,
            telephone=place.details.get("tel", ""),
            details=_details(place),
            source=place.source,
            as_of=file.effective_from,
        )
        if place.lng is not None and place.lat is not None:
            spot.lng, spot.lat = to_wgs84(Point(place.lng, place.lat), place.datum)
            spot.datum = place.datum
            spot.is_datum_assumed = place.datum != "WGS-84"  # SOURCES.toml: those files do not tell theirs
        yield _spelt(spot)


def _category(place: Place) -> str:
    if place.kind != "medical_institution":
        return place.kind
    return "clinic" if place.details.get("category") in CLINICS else "hospital"


def _details(place: Place) -> dict[str, object]:
    kept = (
        *("lines", "category", "tier", "grade", "zone", "is_municipal", "has_annual_ticket_2022", "kind", "hours"),
        *("coordinates_source", "address_source"),
    )
    return {name: place.details[name] for name in kept if place.details.get(name)}


def _outlets() -> Iterator[Spot]:
    for outlet in Outlet.objects.select_related("bank").order_by("outlet_id"):
        yield _spelt(
            Spot(
                spot_id=f"outlet:{outlet.outlet_id}",
                category="outlet",
                name=outlet.name,
                aliases=outlet.bank.name_en,
                district_code=outlet.district_code,
                street_code=outlet.street_code,
                is_synthetic=outlet.is_synthetic,
                details={"bank": outlet.bank_id, "issues_instantly": outlet.issues_instantly},
                source=outlet.source,
            )
        )


def _divisions(content: CityContent) -> Iterator[Spot]:
    labels = _label_points(content)
    as_of: dict[str, date | None] = {
        level: content.folder.described(role).effective_from
        for level, role in (("district", "districts"), ("street", "streets"), ("community", "communities"))
    }
    for division in Division.objects.order_by("code"):
        spot = Spot(
            spot_id=f"area:{division.code}",
            category=division.level,
            name=division.name,
            district_code=division.district_code,
            street_code=division.code[:9] if division.level != "district" else "",
            source=division.source,
            as_of=as_of[division.level],
        )
        if division.code in labels:
            spot.lng, spot.lat = labels[division.code]
            spot.datum, spot.is_datum_assumed = content.folder.described("boundaries").datum, True
        yield _spelt(spot)


def _label_points(content: CityContent) -> dict[str, Point]:
    """Where a map writes each district's name: about its middle, good for “about” and nothing finer."""
    file = content.folder.described("boundaries")
    features = json.loads(content.folder.path("boundaries").read_text(encoding="utf-8"))["features"]
    return {
        feature["properties"]["code6"]: to_wgs84(
            Point(feature["properties"]["label_lng"], feature["properties"]["label_lat"]), file.datum
        )
        for feature in features
    }


def write_questions(content: CityContent) -> int:
    """Questions of the data file, without touching what staff wrote."""
    return seed_questions(content.questions, at=utc_now())


SPOTS_PART = Part(
    "guide_spots",
    (
        *("districts", "streets", "communities", "boundaries", "metro_stations", "metro_line_stations"),
        *("medical_institutions", "hospital_coordinates", "hospital_addresses", "parks", "libraries"),
        *("banks", "bank_branches", "district_population"),
    ),
    Spot.objects.exists,
    write_spots,
    rule_files=("rules/banks.toml",),
)
QUESTIONS_PART = Part("guide_questions", (), Question.objects.exists, write_questions, rule_files=(QUESTIONS,))
