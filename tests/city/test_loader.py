"""Loading a data folder into the database: whole or not at all, and only what changed."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from tests.city.conftest import Spoil
from tests.held import rows_held
from yikatong.audit.models import AuditEvent
from yikatong.city.folder import BEIJING, BadCityData
from yikatong.city.loader import LoadReport, load_city
from yikatong.city.models import Division, LoadedFile, MetroLine, MetroStop, Place

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LoadReport]:
    with rows_held(django_db_blocker):
        yield load_city(BEIJING, at=AT)


def statuses(report: LoadReport) -> dict[str, str]:
    return {file.name: file.status for file in report.files if file.status != "unchanged"}


def test_everything_arrives(loaded: LoadReport) -> None:
    assert Counter(Division.objects.values_list("level", flat=True)) == {
        "district": 16,
        "street": 349,
        "community": 7535,
    }
    assert Counter(Place.objects.values_list("kind", flat=True)) == {
        "medical_institution": 4279,
        "metro_station": 425,
        "library": 29,
        "park": 22,
    }
    assert (MetroLine.objects.count(), MetroStop.objects.count()) == (28, 540)
    assert not loaded.changed_nothing
    assert set(statuses(loaded).values()) == {"new"}


def test_rows_are_as_in_the_files(loaded: LoadReport) -> None:
    chaoyang = Division.objects.get(code="110105")
    assert (chaoyang.name, chaoyang.resident_population) == ("朝阳区", 3_452_460)
    community = Division.objects.get(code="110101001001")
    assert (community.name, community.parent_code, community.district_code) == (
        "多福巷社区居委会",
        "110101001",
        "110101",
    )
    assert MetroLine.objects.get(name="2号线").is_loop
    assert MetroStop.objects.get(line="首都机场线", sequence=2).distance_from_previous_m == 7243


def test_every_row_says_where_it_comes_from(loaded: LoadReport) -> None:
    assert not Division.objects.filter(source="").exists()
    assert not Place.objects.filter(source="").exists()
    stations = Place.objects.filter(kind="metro_station", lng__isnull=False)
    assert {"OpenStreetMap" in source for source in stations.values_list("source", flat=True)} == {True}


def test_coordinates_have_a_datum_and_nothing_else_has(loaded: LoadReport) -> None:
    pairs = Counter(Place.objects.values_list("kind", "datum"))
    assert pairs["metro_station", "WGS-84"] == 366
    assert pairs["metro_station", ""] == 59
    assert not Place.objects.filter(lng__isnull=True).exclude(datum="").exists()
    assert not Place.objects.filter(lng__isnull=False, datum="").exists()


def test_addresses_and_points_are_taken_only_where_the_names_agree_or_the_code_is_given(loaded: LoadReport) -> None:
    medical = Place.objects.filter(kind="medical_institution")
    assert medical.exclude(address="").count() == 51
    assert {place.name for place in medical.filter(lng__isnull=False)} >= {"北京大学首钢医院", "中日友好医院"}
    assert medical.filter(lng__isnull=False).count() == 19 + 22  # by name, by code
    hospital = medical.get(name="中日友好医院")
    assert (hospital.datum, hospital.lng) == ("GCJ-02", 116.426894)


def test_an_institution_of_the_development_zone_has_no_district(loaded: LoadReport) -> None:
    zone = Place.objects.filter(kind="medical_institution", district_code="")
    assert zone.count() == 14
    assert {place.details["zone"] for place in zone} == {"经济技术开发区"}


def test_what_was_loaded_is_recorded_with_its_terms(loaded: LoadReport, folder: Path) -> None:
    stations = LoadedFile.objects.get(name="metro_stations.csv")
    assert (stations.rows, stations.licence) == (425, "MIT (names), ODbL 1.0 (coordinates)")
    assert LoadedFile.objects.get(name="districts.csv").effective_from == date(2023, 6, 30)
    assert LoadedFile.objects.get(name="rules/metro_fares.toml").rows == 12
    assert not LoadedFile.objects.filter(rows=0).exists()


def test_loading_again_changes_nothing_and_says_so(loaded: LoadReport, folder: Path) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        again = load_city(folder, at=datetime(2026, 11, 24, tzinfo=UTC))
    assert again.changed_nothing
    assert [sql for query in queries if (sql := query["sql"]).startswith(("INSERT", "UPDATE", "DELETE"))] == []
    assert set(LoadedFile.objects.values_list("loaded_at", flat=True)) == {AT}
    assert AuditEvent.objects.filter(action="city.loaded").count() == 1


def test_a_changed_file_replaces_its_rows_and_no_others(loaded: LoadReport, spoil: Spoil) -> None:
    spoil("parks.csv", "双秀公园,0,1", "双秀新园,0,1")
    folder = spoil("parks.csv", "地坛公园,0,1,,,", "地坛公园,0,1,东城区,,2")
    report = load_city(folder, at=AT)
    assert statuses(report) == {"parks.csv": "changed"}
    assert report.written == (("parks", 22), ("guide_spots", 15655))
    parks = Place.objects.filter(kind="park")
    assert parks.count() == 22
    assert not parks.filter(name="双秀公园").exists()
    assert parks.get(name="双秀新园").district_code == ""
    assert parks.get(name="地坛公园").district_code == "110101"


def test_a_changed_line_is_rewritten_in_order(loaded: LoadReport, spoil: Spoil) -> None:
    spoil("metro_line_stations.csv", "2号航站楼,7243", "2号航站楼,7244")
    load_city(spoil("metro_lines.csv", "32625", "32626"), at=AT)
    assert MetroStop.objects.count() == 540
    assert MetroStop.objects.get(line="首都机场线", sequence=2).distance_from_previous_m == 7244


def test_changed_terms_are_recorded(loaded: LoadReport, spoil: Spoil) -> None:
    load_city(spoil("SOURCES.toml", 'licence = "facts / licence unclear"', 'licence = "CC0"'), at=AT)
    assert LoadedFile.objects.get(name="parks.csv").licence == "CC0"


def test_a_table_emptied_by_hand_is_filled_again(loaded: LoadReport, folder: Path) -> None:
    Place.objects.filter(kind="library").delete()
    assert load_city(folder, at=AT).written == (("libraries", 29),)


def test_one_bad_row_leaves_what_was_loaded(loaded: LoadReport, spoil: Spoil) -> None:
    spoil("districts.csv", "东城区", "东")
    with pytest.raises(BadCityData, match="110101 是东，不是东城区"):
        load_city(spoil("parks.csv", "颐和园,1", "颐和园,7"), at=AT)
    assert Division.objects.get(code="110101").name == "东城区"
