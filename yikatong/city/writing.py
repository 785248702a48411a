"""Turning good content into rows: divisions, the metro, places. Called by ``loader`` inside its transaction.

Each part replaces all of its rows. Where a place's coordinates or address come from a second list, they are taken only when the
names agree exactly or the list names the code; a likely match is no match.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from yikatong.city.content import CityContent
from yikatong.city.models import Division, MetroLine, MetroStop, Place
from yikatong.city.schemas import (
    CommunityRow,
    DistrictPopulationRow,
    DistrictRow,
    HospitalAddressRow,
    HospitalCoordinatesRow,
    LibraryRow,
    MedicalInstitutionRow,
    MetroLineRow,
    MetroStationRow,
    MetroStopRow,
    ParkRow,
    StreetRow,
)

BATCH_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are written together: from which files, whether there are any yet, and how. ``write`` returns how many."""

    name: str
    roles: tuple[str, ...]
    has_rows: Callable[[], bool]
    write: Callable[[CityContent], int]
    rule_files: tuple[str, ...] = ()


def replace_rows[M: Model](existing: QuerySet[M], rows: Iterable[M]) -> int:
    """Make ``existing`` hold exactly ``rows`` (by primary key); how many there are."""
    model = existing.model
    key = model._meta.pk.attname
    made = list(rows)
    columns = [field.attname for field in model._meta.concrete_fields if not field.primary_key]
    model._default_manager.bulk_create(
        made, update_conflicts=True, unique_fields=[key], update_fields=columns, batch_size=BATCH_ROWS
    )
    kept = {row.pk for row in made}
    gone = [pk for pk in existing.values_list("pk", flat=True) if pk not in kept]
    existing.filter(pk__in=gone).delete()
    return len(made)


def _yes(flag: str) -> bool:
    return flag == "1"


def _short(content: CityContent, role: str) -> str:
    return content.folder.described(role).short


def write_divisions(content: CityContent) -> int:
    """Districts with their population, streets and communities."""
    people = {
        row.district_code: row.resident_population for row in content.rows("district_population", DistrictPopulationRow)
    }
    rows = [
        Division(
            code=row.code6,
            level="district",
            name=row.name,
            district_code=row.code6,
            resident_population=people[row.code6],
            source=_short(content, "districts"),
        )
        for row in content.rows("districts", DistrictRow)
    ]
    rows += [
        Division(
            code=row.code9,
            level="street",
            name=row.name,
            parent_code=row.district_code,
            district_code=row.district_code,
            source=_short(content, "streets"),
        )
        for row in content.rows("streets", StreetRow)
    ]
    rows += [
        Division(
            code=row.code12,
            level="community",
            name=row.name,
            parent_code=row.street_code,
            district_code=row.district_code,
            source=_short(content, "communities"),
        )
        for row in content.rows("communities", CommunityRow)
    ]
    return replace_rows(Division.objects.all(), rows)


def write_metro(content: CityContent) -> int:
    """Lines and the stations on them, in order."""
    MetroStop.objects.all().delete()
    lines = replace_rows(
        MetroLine.objects.all(),
        [
            MetroLine(
                name=row.line,
                colour=row.color,
                is_loop=_yes(row.is_loop),
                aliases_en=[alias for alias in row.aliases_en.split("|") if alias],
                source=_short(content, "metro_lines"),
            )
            for row in content.rows("metro_lines", MetroLineRow)
        ],
    )
    stops = [
        MetroStop(
            line_id=row.line, sequence=row.seq, station=row.station, distance_from_previous_m=row.dist_from_prev_m
        )
        for row in content.rows("metro_line_stations", MetroStopRow)
    ]
    return lines + len(MetroStop.objects.bulk_create(stops, batch_size=BATCH_ROWS))


def write_metro_stations(content: CityContent) -> int:
    """Stations as places; most, not all, have coordinates."""
    file = content.folder.described("metro_stations")
    aliases = {
        row.station: row.aliases_en for row in content.rows("metro_line_stations", MetroStopRow) if row.aliases_en
    }
    return _replace_places(
        "metro_station",
        [
            Place(
                place_id=f"metro:{row.station}",
                kind="metro_station",
                code=row.osm_node_id,
                name=row.station,
                lng=row.lng_wgs84,
                lat=row.lat_wgs84,
                datum=file.datum if row.lng_wgs84 is not None else "",
                details={
                    "lines": row.lines.split("|"),
                    "aliases_en": [alias for alias in aliases.get(row.station, "").split("|") if alias],
                    "wikidata": row.wikidata,
                },
                source=file.short,
            )
            for row in content.rows("metro_stations", MetroStationRow)
        ],
    )


def write_medical_institutions(content: CityContent) -> int:
    """Designated institutions, with address and coordinates where another list has the very same name or names the code."""
    datum = content.folder.described("hospital_coordinates").datum
    points: dict[str, HospitalCoordinatesRow] = {}
    by_code: dict[str, HospitalCoordinatesRow] = {}
    for point in content.rows("hospital_coordinates", HospitalCoordinatesRow):
        points.setdefault(point.name, point)
        if point.code8:
            by_code[point.code8] = point
        if point.full_name:
            points[point.full_name] = point
    addresses = {row.name: row for row in content.rows("hospital_addresses", HospitalAddressRow)}
    rows = []
    for row in content.rows("medical_institutions", MedicalInstitutionRow):
        point_, address = by_code.get(row.code8) or points.get(row.name), addresses.get(row.name)
        details: dict[str, Any] = {"category": row.category, "tier": row.tier, "grade": row.grade}
        if not row.district_code:
            details["zone"] = row.district
        if address is not None:
            details |= {"tel": address.tel, "address_source": _short(content, "hospital_addresses")}
        if point_ is not None:
            details["coordinates_source"] = _short(content, "hospital_coordinates")
        rows.append(
            Place(
                place_id=f"medical:{row.code8}",
                kind="medical_institution",
                code=row.code8,
                name=row.name,
                district_code=row.district_code,
                address=address.address if address else "",
                lng=point_.lng if point_ else None,
                lat=point_.lat if point_ else None,
                datum=datum if point_ else "",
                details=details,
                source=_short(content, "medical_institutions"),
            )
        )
    return _replace_places("medical_institution", rows)


def write_parks(content: CityContent) -> int:
    """Parks, municipal or on the annual pass."""
    file, districts = content.folder.described("parks"), _district_codes(content)
    return _replace_places(
        "park",
        [
            Place(
                place_id=f"park:{row.name}",
                kind="park",
                name=row.name,
                district_code=districts.get(row.district, ""),
                address=row.address,
                lng=row.lng,
                lat=row.lat,
                datum=file.datum if row.lng is not None else "",
                details={
                    "is_municipal": _yes(row.is_municipal),
                    "has_annual_ticket_2022": _yes(row.on_annual_pass_2022),
                    "ticket_yuan": row.ticket_yuan,
                    "coordinates_source": row.coord_source,
                    "note": row.note,
                },
                source=file.short,
            )
            for row in content.rows("parks", ParkRow)
        ],
    )


def write_libraries(content: CityContent) -> int:
    """The city's and the districts' libraries."""
    districts = _district_codes(content)
    return _replace_places(
        "library",
        [
            Place(
                place_id=f"library:{row.source_id or row.name}",
                kind="library",
                code=row.source_id,
                name=row.name,
                district_code=districts.get(row.district, ""),
                address=row.address,
                details={"kind": row.kind, "network_code_prefix": row.network_code_prefix, "hours": row.hours},
                source=_short(content, "libraries"),
            )
            for row in content.rows("libraries", LibraryRow)
        ],
    )


def _district_codes(content: CityContent) -> dict[str, str]:
    return {row.name: row.code6 for row in content.rows("districts", DistrictRow)}


def _replace_places(kind: str, rows: list[Place]) -> int:
    return replace_rows(Place.objects.filter(kind=kind), rows)


def _has_places(kind: str) -> Callable[[], bool]:
    return lambda: Place.objects.filter(kind=kind).exists()


CITY_PARTS = (
    Part(
        "divisions",
        ("districts", "streets", "communities", "district_population"),
        Division.objects.exists,
        write_divisions,
    ),
    Part("metro", ("metro_lines", "metro_line_stations"), MetroStop.objects.exists, write_metro),
    Part(
        "metro_stations",
        ("metro_stations", "metro_line_stations"),
        _has_places("metro_station"),
        write_metro_stations,
    ),
    Part(
        "medical_institutions",
        ("medical_institutions", "hospital_coordinates", "hospital_addresses"),
        _has_places("medical_institution"),
        write_medical_institutions,
    ),
    Part("parks", ("parks", "districts"), _has_places("park"), write_parks),
    Part("libraries", ("libraries", "districts"), _has_places("library"), write_libraries),
)
