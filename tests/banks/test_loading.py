"""Banks and outlets arrive with the city, in its transaction."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from pytest_django import DjangoDbBlocker

from tests.city.conftest import Spoil
from tests.held import rows_held
from yikatong.banks.models import Bank, Outlet
from yikatong.banks.selectors import banks, outlets
from yikatong.city.folder import BEIJING, BadCityData
from yikatong.city.loader import load_city

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def _loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with rows_held(django_db_blocker):
        load_city(BEIJING, at=AT)
        yield


def test_sixteen_banks_of_which_one_is_an_assumption() -> None:
    assert banks().count() == 16
    assumed = banks().get(is_assumption=True)
    assert (assumed.code, assumed.name_zh) == ("BANK16", "第十六家合作银行（待公布）")
    assert assumed.source.startswith("assumption")
    assert assumed.cnaps_prefix == ""


def test_banks_take_part_from_the_day_they_joined() -> None:
    days = (date(2024, 10, 29), date(2024, 10, 30), date(2025, 12, 8), date(2025, 12, 9))
    assert [banks(day).count() for day in days] == [0, 15, 15, 16]


def test_outlets_by_bank_and_district_real_ones_first() -> None:
    assert outlets().count() == 3000
    found = list(outlets("PSBC", "110112"))
    assert [outlet.is_synthetic for outlet in found] == sorted(outlet.is_synthetic for outlet in found)
    assert {(outlet.bank_id, outlet.district_code) for outlet in found} == {("PSBC", "110112")}
    assert not found[0].is_synthetic
    assert Outlet.objects.filter(is_synthetic=True).exclude(name__startswith="（虚构）").count() == 0


def test_a_second_load_leaves_them_alone() -> None:
    assert load_city(BEIJING, at=AT).changed_nothing


def test_a_removed_branch_goes_and_nothing_else(spoil: Spoil) -> None:
    gone = "PSBC-403100001568"
    folder = spoil("bank_branches_partial.csv", "403100001568,listed", "403100001568,removed")
    assert dict(load_city(folder, at=AT).written) == {"banks": 3016, "guide_spots": 15655}
    assert not Outlet.objects.filter(outlet_id=gone).exists()
    assert Outlet.objects.count() == 3000  # one more example makes up for it


def test_bad_bank_data_leaves_banks_and_city_as_they_were(spoil: Spoil) -> None:
    with pytest.raises(BadCityData, match="校验位"):
        load_city(spoil("bank_branches_partial.csv", "103100005524", "103100005525"), at=AT)
    assert Bank.objects.count() == 16
