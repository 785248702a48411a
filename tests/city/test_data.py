"""Beijing's data folder itself: that it is whole, described, and says of itself what it is."""

from collections import Counter
from pathlib import Path

import pytest

from yikatong.city.content import CityContent, read_city
from yikatong.city.folder import BEIJING, open_folder
from yikatong.city.schemas import DistrictPopulationRow, MetroLineRow, MetroStationRow, MetroStopRow


@pytest.fixture(scope="module")
def content() -> CityContent:
    return read_city(BEIJING)


@pytest.mark.parametrize(
    ("role", "rows"),
    [
        ("districts", 16),
        ("streets", 349),
        ("communities", 7535),
        ("district_population", 16),
        ("city_population", 14),
        ("metro_lines", 28),
        ("metro_line_stations", 540),
        ("metro_stations", 425),
        ("metro_transfers", 225),
        ("medical_institutions", 4279),
        ("hospital_coordinates", 44),
        ("hospital_addresses", 80),
        ("parks", 22),
        ("libraries", 29),
        ("banks", 15),
        ("bank_branches", 369),
        ("surnames", 1074),
        ("given_names", 131),
        ("ethnic_groups", 56),
        ("programme_facts", 16),
    ],
)
def test_nothing_is_missing(content: CityContent, role: str, rows: int) -> None:
    assert len(content.tables[role].rows) == rows


def test_the_districts_add_up_to_the_city(content: CityContent) -> None:
    rows = content.rows("district_population", DistrictPopulationRow)
    assert sum(row.resident_population for row in rows) == 21_893_095


def test_lines_are_as_long_as_their_stretches(content: CityContent) -> None:
    length_m: Counter[str] = Counter()
    for stop in content.rows("metro_line_stations", MetroStopRow):
        length_m[stop.line] += stop.dist_from_prev_m or 0
    assert {line.line: line.length_m for line in content.rows("metro_lines", MetroLineRow)} == dict(length_m)
    assert length_m["2号线"] == 23_000


def test_stations_without_coordinates_stay_without(content: CityContent) -> None:
    stations = content.rows("metro_stations", MetroStationRow)
    assert sum(station.lng_wgs84 is None for station in stations) == 59


def test_every_file_says_where_it_comes_from_and_on_what_terms() -> None:
    files = open_folder(BEIJING).files
    assert all(file.source and file.licence and file.title_zh for file in files)
    unclear = {file.role for file in files if file.has_unclear_licence}
    assert unclear == {"medical_institutions", "hospital_coordinates", "parks", "libraries", "bank_branches"}


def test_openstreetmap_is_credited_with_the_coordinates_and_in_the_notice() -> None:
    folder = open_folder(BEIJING)
    stations = folder.described("metro_stations")
    assert "ODbL" in stations.licence
    assert "OpenStreetMap" in stations.credit
    assert stations.datum == "WGS-84"
    assert "© OpenStreetMap contributors" in folder.notice()


def test_coordinates_have_a_datum() -> None:
    folder = open_folder(BEIJING)
    for role in ("metro_stations", "hospital_coordinates", "parks", "boundaries"):
        assert folder.described(role).datum in ("WGS-84", "GCJ-02"), role


@pytest.mark.parametrize("path", sorted(BEIJING.rglob("*.toml")), ids=lambda path: path.name)
def test_every_entry_names_its_source(path: Path) -> None:
    """An invented value says so; none is silent."""
    text = path.read_text(encoding="utf-8")
    headers = sum(line.startswith("[[") for line in text.splitlines())
    assert sum(line.startswith("source = ") for line in text.splitlines()) == headers > 0
