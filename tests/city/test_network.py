"""Distances between stations, against sums made by hand from the line file."""

import itertools
from datetime import date
from pathlib import Path

import pytest

from tests.city.conftest import Spoil
from yikatong.city.dated import NoRuleYet
from yikatong.city.network import Network, StationUnknown, metro_network, track_of
from yikatong.city.tariffs import load_metro_tariff


@pytest.fixture(scope="module")
def network() -> Network:
    return metro_network()


@pytest.mark.parametrize(
    ("start", "goal", "stretches_m"),
    [
        # on one line, its stretches as printed in metro_line_stations.csv
        ("苹果园", "八宝山", (2569, 3874)),
        ("昌平西山口", "昌平", (1213, 2812)),
        ("公主坟", "五棵松", (1313, 1778)),
        # two lines
        ("北邵洼", "沙河", (1958, 5357, 1965)),
        ("阎村东", "良乡南关", (2200, 1331)),
        # tram, then metro: 香山 … 巴沟, then line 10 to 苏州街
        ("香山", "巴沟", (983, 1733, 1550, 1505, 2922)),
        # an airport line of its own
        ("3号航站楼", "三元桥", (7243, 20738)),
        ("大兴机场", "草桥", (25303, 13028)),
        ("国贸", "国贸", ()),
    ],
)
def test_distance_is_the_sum_of_the_stretches(
    network: Network, start: str, goal: str, stretches_m: tuple[int, ...]
) -> None:
    assert network.shortest_distance_m(start, goal) == sum(stretches_m)
    assert network.shortest_distance_m(goal, start) == sum(stretches_m)


def test_a_loop_is_ridden_the_shorter_way_round(network: Network) -> None:
    """Line 10 is 56,803 m round; its closing stretch, 丰台站 to 首经贸, is 1,717 m."""
    assert network.shortest_way("首经贸", "丰台站").by_line_m == (("10号线", 1717),)


def test_a_transfer_goes_on_from_line_to_line(network: Network) -> None:
    """国贸 to 国家图书馆 rides several lines; the parts are the whole."""
    way = network.shortest_way("国贸", "国家图书馆")
    assert len(way.by_line_m) > 1
    assert sum(metres for _, metres in way.by_line_m) == way.distance_m


def test_of_two_parallel_tracks_the_shorter_counts(network: Network) -> None:
    """清河站 to 西二旗: 1,545 m by line 13, 1,546 m by the Changping line."""
    assert network.shortest_way("清河站", "西二旗").by_line_m == (("13号线", 1545),)


def test_two_stations_of_the_main_network_are_never_joined_by_an_airport_line(network: Network) -> None:
    """东直门 to 三元桥 is 3,022 m on the airport line's track, which a metro rider does not use."""
    way = network.shortest_way("东直门", "三元桥")
    assert {line for line, _ in way.by_line_m} == {"13号线", "12号线"}
    assert way.distance_m == 2904 + 2977


def test_a_way_to_the_airport_has_a_part_on_each_fare_network(network: Network) -> None:
    way = network.shortest_way("3号航站楼", "国贸")
    assert way.by_line_m[0] == ("首都机场线", 7243 + 20738)
    assert way.by_line_m[1][0] == "10号线"


def test_stations_of_one_name_that_are_not_joined_stay_apart(network: Network) -> None:
    assert network.lines_at("大钟寺(13号线)") == {"13号线"}
    assert network.shortest_distance_m("大钟寺(12号线)", "大钟寺(13号线)") > 0


def test_distances_obey_the_triangle(network: Network) -> None:
    stations = sorted(station for station in network.stations if "10号线" in network.lines_at(station))[:12]
    for one, two, three in itertools.permutations(stations, 3):
        direct = network.shortest_distance_m(one, three)
        assert direct <= network.shortest_distance_m(one, two) + network.shortest_distance_m(two, three)


def test_every_station_reaches_every_other(network: Network) -> None:
    assert len(network.stations) == 425
    assert all(network.shortest_distance_m("国贸", station) >= 0 for station in network.stations)


def test_a_second_network_agrees_with_the_first() -> None:
    one, other = Network.load(), Network.load()
    for station in sorted(one.stations)[::17]:
        assert one.shortest_way("西直门", station) == other.shortest_way("西直门", station)


@pytest.mark.parametrize(
    ("asked", "suggested"),
    [("国贸站", "国贸"), ("地铁国贸站", "国贸"), ("大钟寺", "大钟寺(12号线)、大钟寺(13号线)"), ("西直们", "西直门")],
)
def test_an_unknown_station_is_answered_with_those_that_look_like_it(
    network: Network, asked: str, suggested: str
) -> None:
    with pytest.raises(StationUnknown, match="没有名为") as unknown:
        network.shortest_distance_m(asked, "国贸")
    assert suggested in str(unknown.value)


def test_a_name_like_no_other_is_answered_plainly(network: Network) -> None:
    with pytest.raises(StationUnknown, match=r"没有名为“Q”的地铁站$"):
        network.require("Q")


def test_stations_without_track_between_them_have_no_distance(spoil: Spoil) -> None:
    """Cut the Yanfang line off the Fangshan line by renaming where they meet."""
    folder = spoil("metro_line_stations.csv", "燕房线,9,阎村东", "燕房线,9,阎村东二")
    network = Network.load(folder)
    with pytest.raises(ValueError, match="no track joins"):
        network.shortest_distance_m("燕山", "国贸")


@pytest.mark.parametrize(
    ("sequence", "is_loop", "match"),
    [([("甲", None), ("乙", None)], False, "乙 lacks"), ([("甲", None), ("乙", 5)], True, "closing")],
)
def test_a_missing_stretch_is_named(sequence: list[tuple[str, int | None]], is_loop: bool, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        list(track_of("线", sequence, is_loop=is_loop))


def test_a_loop_closes() -> None:
    stops: list[tuple[str, int | None]] = [("甲", 3), ("乙", 5), ("丙", 7)]
    assert list(track_of("环线", stops, is_loop=True)) == [("甲", "乙", 5), ("乙", "丙", 7), ("丙", "甲", 3)]


# --- the tariff ---


def test_bands_are_those_of_the_notice() -> None:
    tariff = load_metro_tariff()
    assert [(band.up_to_m, band.fare_fen) for band in tariff.main_network.bands] == [
        (6_000, 300),
        (12_000, 400),
        (22_000, 500),
        (32_000, 600),
    ]
    assert (tariff.main_network.beyond_step_m, tariff.main_network.beyond_step_fen) == (20_000, 100)
    assert [(tier.from_fen, tier.percent) for tier in tariff.monthly_tiers] == [
        (10_000, 80),
        (15_000, 50),
        (40_000, 100),
    ]
    assert tariff.early_bird is not None
    assert len(tariff.early_bird.stations) == 25
    assert tariff.stay_limit.total_seconds() == 4 * 3600


@pytest.mark.parametrize(
    ("line", "network_code"),
    [("1号线", "main"), ("西郊线", "tram_xijiao"), ("亦庄T1线", "tram_yizhuang_t1"), ("大兴机场线", "airport_daxing")],
)
def test_lines_belong_to_their_fare_network(line: str, network_code: str) -> None:
    assert load_metro_tariff().network_of(line).code == network_code


@pytest.mark.parametrize(
    ("day", "networks"),
    [
        (date(2014, 12, 28), {"main", "airport_capital"}),
        (date(2019, 9, 25), {"main", "airport_capital", "tram_xijiao"}),
        (date(2019, 9, 26), {"main", "airport_capital", "tram_xijiao", "airport_daxing"}),
    ],
)
def test_a_line_has_a_tariff_from_the_day_it_opened(day: date, networks: set[str]) -> None:
    assert {network.code for network in load_metro_tariff(on=day).networks} == networks


def test_before_the_first_tariff_there_is_none() -> None:
    with pytest.raises(NoRuleYet, match="2014-12-27"):
        load_metro_tariff(on=date(2014, 12, 27))


def test_a_later_entry_replaces_an_earlier_one_from_its_day(folder: Path) -> None:
    path = folder / "rules" / "metro_fares.toml"
    later = (
        '\n[[limit]]\ncode = "unmatched_fare_fen"\nvalue = 500\neffective_from = 2027-01-01\nsource = "assumption"\n'
    )
    path.write_text(path.read_text(encoding="utf-8") + later, encoding="utf-8")
    fares = [
        load_metro_tariff(folder, on=day).rule.unmatched_fare_fen for day in (date(2026, 12, 31), date(2027, 1, 1))
    ]
    assert fares == [300, 500]
