"""Outlets: the listed ones as listed, the rest made up, evenly spread and never to be mistaken for real."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.city.conftest import Spoil
from yikatong.banks.outlets import PlannedOutlet, largest_remainder, outlets_to_add, plan_outlets
from yikatong.city.content import CityContent, read_city
from yikatong.city.folder import BEIJING
from yikatong.city.schemas import DistrictPopulationRow, StreetRow


@pytest.fixture(scope="module")
def content() -> CityContent:
    return read_city(BEIJING)


@pytest.fixture(scope="module")
def outlets(content: CityContent) -> list[PlannedOutlet]:
    return plan_outlets(content)


@pytest.fixture(scope="module")
def examples(outlets: list[PlannedOutlet]) -> list[PlannedOutlet]:
    return [outlet for outlet in outlets if outlet.is_synthetic]


def test_there_are_about_three_thousand(outlets: list[PlannedOutlet], examples: list[PlannedOutlet]) -> None:
    assert (len(outlets), len(examples)) == (3000, 3000 - 363)
    assert len({outlet.outlet_id for outlet in outlets}) == 3000


def test_listed_branches_are_kept_as_listed(outlets: list[PlannedOutlet]) -> None:
    listed = {outlet.outlet_id: outlet for outlet in outlets if not outlet.is_synthetic}
    assert Counter(outlet.bank_code for outlet in listed.values())["ICBC"] == 318
    assert listed["PSBC-403100001568"].name == "中国邮政储蓄银行股份有限公司北京丰台区丰台大街支行"
    assert listed["PSBC-403100001568"].district_code == "110106"
    assert listed["ICBC-102100000021"].district_code == ""  # the list does not tell
    assert "ABC-103100011274" not in listed  # removed by its list


def test_no_example_can_be_taken_for_a_real_branch(outlets: list[PlannedOutlet], examples: list[PlannedOutlet]) -> None:
    for outlet in examples:
        assert outlet.name.startswith("（虚构）")
        assert outlet.name.endswith("示例支行")
        assert outlet.cnaps_code == ""
        assert outlet.source == "synthetic, seed yikatong-outlets-1"
    assert not any("虚构" in outlet.name or "示例" in outlet.name for outlet in outlets if not outlet.is_synthetic)
    assert len({outlet.name for outlet in examples}) == len(examples)


def test_examples_follow_the_population(content: CityContent, examples: list[PlannedOutlet]) -> None:
    people = {
        row.district_code: row.resident_population for row in content.rows("district_population", DistrictPopulationRow)
    }
    total = sum(people.values())
    for district, count in Counter(outlet.district_code for outlet in examples).items():
        assert abs(count - len(examples) * people[district] / total) < 1, district


def test_every_bank_has_its_share(content: CityContent, outlets: list[PlannedOutlet]) -> None:
    assert Counter(outlet.bank_code for outlet in outlets) == {bank.code: bank.outlet_weight for bank in content.banks}
    assert Counter(outlet.bank_code for outlet in outlets if not outlet.is_synthetic)["SPDB"] == 0


def test_examples_stand_in_streets_of_their_district(content: CityContent, examples: list[PlannedOutlet]) -> None:
    streets = {row.code9: row.district_code for row in content.rows("streets", StreetRow)}
    assert all(streets[outlet.street_code] == outlet.district_code for outlet in examples)


def test_windows_agree_with_the_published_figure(outlets: list[PlannedOutlet]) -> None:
    """3,000-odd windows at about 3,000 outlets (programme_facts.csv)."""
    assert 3000 < sum(outlet.windows for outlet in outlets) < 3500
    assert 0 < sum(outlet.issues_instantly for outlet in outlets) < 3000


def test_the_same_folder_gives_the_same_outlets(outlets: list[PlannedOutlet]) -> None:
    assert plan_outlets(read_city(BEIJING)) == outlets


def test_another_seed_gives_others_in_the_same_numbers(
    spoil: Spoil,
    outlets: list[PlannedOutlet],
) -> None:
    others = plan_outlets(read_city(spoil("rules/banks.toml", "yikatong-outlets-1", "yikatong-outlets-2")))
    assert [outlet.street_code for outlet in others] != [outlet.street_code for outlet in outlets]
    for count_by in ("bank_code", "district_code"):
        assert Counter(getattr(o, count_by) for o in others) == Counter(getattr(o, count_by) for o in outlets)


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (10, {"a": 1, "b": 1, "c": 1}, {"a": 4, "b": 3, "c": 3}),  # a tie goes to the first
        (3, {"a": 6, "b": 3, "c": 1}, {"a": 2, "b": 1, "c": 0}),
        (0, {"a": 0}, {"a": 0}),
        (5, {"a": 0, "b": 7}, {"a": 0, "b": 5}),
    ],
)
def test_largest_remainder(total: int, weights: dict[str, int], shares: dict[str, int]) -> None:
    assert largest_remainder(total, weights) == shares


@given(
    st.integers(min_value=0, max_value=10_000),
    st.dictionaries(
        st.text(min_size=1, max_size=3), st.integers(min_value=1, max_value=10**6), min_size=1, max_size=20
    ),
)
def test_shares_sum_to_the_whole_and_miss_it_by_less_than_one(total: int, weights: dict[str, int]) -> None:
    shares = largest_remainder(total, weights)
    assert sum(shares.values()) == total
    whole = sum(weights.values())
    assert all(abs(shares[key] * whole - total * weight) < whole for key, weight in weights.items())


def test_nothing_can_be_shared_by_no_weight() -> None:
    with pytest.raises(ValueError, match="all 0"):
        largest_remainder(1, {"a": 0})


@pytest.mark.parametrize(
    ("total", "listed", "to_add"),
    [
        (10, {}, {"a": 5, "b": 5}),
        (10, {"a": 2}, {"a": 3, "b": 5}),
        (10, {"a": 8}, {"a": 0, "b": 2}),  # more than its share: keeps it, the other gets the rest
        (10, {"a": 12}, {"a": 0, "b": 0}),
        (10, {"a": 6, "b": 6}, {"a": 0, "b": 0}),
        (10, {"z": 4}, {"a": 3, "b": 3}),
    ],
)
def test_listed_outlets_count_towards_the_share(total: int, listed: dict[str, int], to_add: dict[str, int]) -> None:
    assert outlets_to_add(total, {"a": 1, "b": 1}, listed) == to_add
