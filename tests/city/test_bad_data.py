"""Everything that can be wrong with a data folder is named: file, line, column and reason, all faults at once."""

from datetime import date
from pathlib import Path

import pytest

from tests.city.conftest import Spoil
from yikatong.city.banking import offers_at
from yikatong.city.content import read_city
from yikatong.city.folder import BadCityData, Problem
from yikatong.city.schemas import DistrictRow
from yikatong.city.tables import read_table

DISTRICTS, STREETS, COMMUNITIES = "districts.csv", "streets_2023_nbs.csv", "communities_2023_nbs.csv"
STOPS, LINES, STATIONS = "metro_line_stations.csv", "metro_lines.csv", "metro_stations.csv"
MEDICAL, BRANCHES = "medical_designated_institutions_2023.csv", "bank_branches_partial.csv"
FARES, PROGRAMME, BANKS = "rules/metro_fares.toml", "rules/programme.toml", "rules/banks.toml"
HOSPITALS = "hospitals_coordinates_2023.csv"
SOURCES = "SOURCES.toml"


@pytest.fixture
def folder(folder: Path) -> Path:
    """The copied folder with its longest tables cut short, which is no fault: a hundred cases are read faster."""
    for name, kept in ((COMMUNITIES, 100), (MEDICAL, 100), ("surnames.csv", 100), (HOSPITALS, 3)):
        lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / name).write_text("".join(lines[:kept]), encoding="utf-8")
    return folder


def offer_entry(**changes: str) -> str:
    """An offer before the table that follows it in the file."""
    fields = {"code": "ICBC", "text_zh": "首年免年费", "text_en": "No fee in the first year", "source": "a test"} | {
        name: text for name, text in changes.items() if name != "ends_on"
    }
    lines = [f'{name} = "{text}"' for name, text in fields.items()]
    days = f"effective_from = 2026-05-01\nends_on = {changes.get('ends_on', '2026-12-31')}"
    return "\n".join(["[[offer]]", *lines, days, "", "[[outlet_plan]]"])


def problems_of(folder: Path) -> list[Problem]:
    with pytest.raises(BadCityData) as bad:
        read_city(folder)
    assert all(str(problem) in str(bad.value) for problem in bad.value.problems)
    return bad.value.problems


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "column", "reason"),
    [
        # one cell
        (DISTRICTS, "110101,110101000000", "11010A,110101000000", 2, "code6", "六位数字"),
        (DISTRICTS, "110101,110101000000,东城区", "110101,110101000000,", 2, "name", "不能为空"),
        (DISTRICTS, "东城区", "东" * 121, 2, "name", "120 字"),
        (STREETS, "110101001,东华门街道", "１10101001,东华门街道", 2, "code9", "九位数字"),
        (LINES, "#9F9AB9", "9F9AB9", 2, "color", "#RRGGBB"),
        (LINES, ",2026-01-07,", ",2026-02-30,", 2, "data_as_of", "日期"),
        (LINES, ",5,0,3号航站楼", ",5,no,3号航站楼", 2, "is_loop", "0 或 1"),
        (STOPS, "2号航站楼,7243", "2号航站楼,-7243", 3, "dist_from_prev_m", "1 到 200000"),
        (STOPS, "2号航站楼,7243", "2号航站楼,7.2km", 3, "dist_from_prev_m", "文件中为“7.2km”"),
        (STATIONS, "116.6097731", "nan", 2, "lng_wgs84", "-180 到 180"),
        (STATIONS, "116.6097731", "216.6097731", 2, "lng_wgs84", "-180 到 180"),
        (MEDICAL, "01100060,", "0110006,", 2, "code8", "八位"),
        (BRANCHES, ",listed,2025-07-12", ",open,2025-07-12", 2, "status", "listed、removed"),
        # the row
        (DISTRICTS, "110101,110101000000,东城区\n", "110101,110101000000\n", 2, "", "应有 3 栏，实有 2 栏"),
        (DISTRICTS, "东城区\n", "东城区,首都\n", 2, "", "应有 3 栏，实有 4 栏"),
        (DISTRICTS, "东城区\n", "东城区\n\n", 3, "", "空行"),
        (DISTRICTS, "东城区\n", '"东城"区\n', 2, "", "引号"),
        (DISTRICTS, "东城区\n", "东城区\n110101,110101000000,东城区\n", 3, "code6", "与第 2 行重复"),
        # the header
        (DISTRICTS, "code6,code12,name", "code6,code12,title", 1, "name", "缺少这一栏"),
        (DISTRICTS, "code6,code12,name", "code6,code12,name,note", 1, "note", "不认识的栏"),
        (DISTRICTS, "code6,code12,name", "code6,code6,name", 1, "code6", "不止一次"),
        # between tables
        (DISTRICTS, "110101,110101000000", "110101,110102000000", 2, "code12", "应为 110101000000"),
        (STREETS, ",110101,东城区", ",110199,东城区", 2, "district_code", "没有代码为 110199 的区"),
        (STREETS, ",110101,东城区", ",110101,西城区", 2, "district", "110101 是东城区"),
        (STREETS, "110101001,", "110102999,", 2, "code9", "前六位"),
        (COMMUNITIES, ",110101001,110101", ",110101999,110101", 2, "street_code", "没有代码为 110101999 的街道"),
        (COMMUNITIES, ",110101001,110101", ",110101001,110102", 2, "district_code", "应为 110101"),
        (COMMUNITIES, "110101001001,", "110101002999,", 2, "code12", "前九位"),
        ("population_2020_by_district.csv", "708829", "708830", 0, "resident_population", "21893096"),
        ("population_2020_by_district.csv", "110101,东城区", "110101,西城区", 2, "district_code", "110101 不是西城区"),
        (
            "population_2020_by_district.csv",
            "110101,东城区,708829,3.2\n",
            "",
            0,
            "district_code",
            "缺 110101（东城区）的人口",
        ),
        ("population_2020_city.csv", "resident_population,", "residents,", 0, "measure", "缺 resident_population"),
        ("population_2020_city.csv", "male,11195390", "male,11195391", 0, "value", "male、female 合计"),
        (STOPS, "首都机场线,2,", "首都机场线,7,", 3, "seq", "应为 2，文件中为 7"),
        (STOPS, "首都机场线,2,2号航站楼,7243", "首都机场线,2,2号航站楼,", 3, "dist_from_prev_m", "与上一站的距离"),
        (STOPS, "首都机场线,1,3号航站楼,", "首都机场线,1,3号航站楼,5", 2, "dist_from_prev_m", "不是环线"),
        (STOPS, "首都机场线,1,", "首都机场西线,1,", 2, "line", "线路表中没有“首都机场西线”"),
        (LINES, "32625", "32626", 2, "length_m", "按站序表为 32625"),
        (STATIONS, "首都机场线|10号线|12号线", "首都机场线|10号线", 4, "lines", "与站序表不一致"),
        (STATIONS, "116.6097731,40.0515344", ",40.0515344", 2, "lng_wgs84", "同时"),
        (STATIONS, "116.6097731", "121.47", 2, "lng_wgs84", "不在北京市范围内"),
        ("metro_transfers.csv", "复兴门,1号线", "复兴门,5号线", 2, "station", "5号线 没有“复兴门”站"),
        (MEDICAL, "东城区,110101", "东城区,110102", 2, "district_code", "110102 不是东城区"),
        ("parks.csv", "颐和园,1,1,海淀区", "颐和园,1,1,海定区", 2, "district", "没有名为“海定区”的区"),
        (HOSPITALS, ",01110001", ",09999999", 3, "code8", "定点名单中没有 09999999"),
        ("rules/services.toml", 'needs = ["medical"]', 'needs = ["pills"]', 12, "service.needs", "至少一种需要"),
        ("rules/services.toml", '"Check the name on the screen.", ', "", 0, "service.how_en", "步数不同"),
        ("rules/services.toml", 'saves_en = "100 yuan, one per person and year."', "", 0, "service.saves_en", "同时"),
        ("rules/questions.toml", 'topic = "old_card"', 'topic = "cards"', 9, "question.topic", "old_card"),
        (
            "rules/questions.toml",
            'keywords = ["旧卡"',
            'keywords = ["' + "长" * 300 + '"',
            0,
            "question.keywords",
            "太长",
        ),
        (BRANCHES, "103100005524", "103100005525", 2, "cnaps_code", "校验位"),
        (BRANCHES, "103100005524", "104100004005", 2, "cnaps_code", "应以 103 开头"),
        (BRANCHES, "\nABC,", "\nXYZ,", 2, "bank", "没有 XYZ"),
        (BRANCHES, "103100011274", "103100005524", 3, "cnaps_code", "与第 2 行重复"),
        (BRANCHES, ",房山区\n", ",坊山区\n", 0, "district_in_name", "没有名为“坊山区”的区"),
        (DISTRICTS, "110119,", "110120,", 0, "code12", "应为 110120000000"),
        (
            DISTRICTS,
            "110119,110119000000,延庆区\n",
            "110119,110119000000,延庆区\n110120,110120000000,新区\n",
            0,
            "district_code",
            "新区（110120）没有街道",
        ),
        (DISTRICTS, "110101,110101000000,东城区\n", "", 0, "district_code", "没有代码为 110101 的区"),
        (STATIONS, "3号航站楼,首都机场线,", "4号航站楼,首都机场线,", 0, "station", "缺车站“3号航站楼”"),
        (DISTRICTS, "code6,code12,name", '"code6"x,code12,name', 1, "", "表头"),
        ("district_boundaries.geojson", '"code6":"110101"', '"code6":"110199"', 0, "code6", "110199 不是东城区"),
        ("district_boundaries.geojson", "[116.3876953125,39.9609375]", "[16.38,39.9]", 0, "geometry", "没有闭合"),
        ("district_boundaries.geojson", '{"type":"FeatureCollection"', '{"type":', 1, "", "读不出来"),
        ("district_boundaries.geojson", '"features"', '"items"', 0, "features", "FeatureCollection"),
        ("district_boundaries.geojson", '"properties"', '"props"', 0, "features", "第 1 个区的格式不对"),
        ("district_boundaries.geojson", '"properties"', '"props"', 0, "code6", "缺 110101（东城区）的边界"),
        ("metro_fare_rules.json", '"rule_groups"', '"groups"', 0, "rule_groups", "格式不对"),
        ("metro_fare_rules.json", '"土桥"', '"国贸"', 0, "大路网 - 低峰优惠", "early_bird 不一致"),
        ("metro_fare_rules.json", '"end": 6099', '"end": 6999', 0, "大路网", "与 rules/metro_fares.toml"),
        # rule files
        (FARES, "up_to_m = 12000", "up_to_m = 5000", 0, "network.bands", "递增"),
        (
            FARES,
            "{ up_to_m = 12000, fare_fen = 400 }",
            "{ up_to_m = 12000, fare_fen = 200 }",
            0,
            "network.bands",
            "便宜",
        ),
        (FARES, "fare_fen = 300 }", "fare_yuan = 3 }", 15, "network.bands", "up_to_m"),
        (FARES, 'lines = ["西郊线"]', 'lines = ["西郊支线"]', 0, "network.lines", "线路表中没有“西郊支线”"),
        (FARES, 'lines = ["西郊线"]', 'lines = ["亦庄T1线"]', 0, "network.lines", "不止一个路网"),
        (FARES, "lines = [] ", 'lines = ["1号线"] ', 0, "network.lines", "恰好有一个"),
        (FARES, '"土桥"', '"土乔"', 0, "early_bird.stations", "土乔"),
        (FARES, "effective_from = 2014-12-28", 'effective_from = "2014年"', 23, "network.effective_from", "日期"),
        (FARES, 'code = "stay_limit_minutes"', 'code = "stay_limit_hours"', 0, "limit.code", "stay_limit_hours 不认识"),
        (PROGRAMME, 'source = "京人社', 'quelle = "京人社', 6, "batch.source", "不能为空"),
        (PROGRAMME, 'categories = ["employee"]', 'categories = ["worker"]', 10, "batch.categories", "worker"),
        (PROGRAMME, '"110111"', '"110199"', 0, "batch.districts", "110199"),
        (PROGRAMME, "[[batch]]", "[[bach]]", 0, "bach", "不认识的表"),
        (PROGRAMME, 'code = "2"', 'code = "1"', 16, "batch.code", "1 在 2024-10-30 有两条"),
        (FARES, "{ from_fen = 15000", "{ from_fen = 9000", 0, "monthly_discount.tiers", "递增"),
        (FARES, "[[operator]]", "[operator]", 0, "operator", "[[operator]]"),
        (PROGRAMME, "picks_max = 3", "picks_max = 0", 0, "bank_choice.picks_max", "可选几家"),
        (PROGRAMME, "value = 30\n", "value = 30 天\n", 0, "", "读不出来"),
        (BANKS, "is_assumption = true", "is_assumption = false", 0, "bank.name_zh", "名称未公布"),
        (BANKS, 'code = "ICBC"', 'code = "ICBK"', 0, "bank.code", "缺 ICBC"),
        (BANKS, "total = 3000", "total = 0", 0, "outlet_plan.total", "1 到 100000"),
        (BANKS, "[[outlet_plan]]", offer_entry(code="ICBK"), 0, "offer.code", "ICBK：没有这家银行"),
        (BANKS, "[[outlet_plan]]", offer_entry(ends_on="2026-01-01"), 0, "offer.ends_on", "早于生效日"),
        (BANKS, "[[outlet_plan]]", offer_entry(text_zh="字" * 31), 0, "offer.text_zh", "不超过 30 字"),
        # the description of the folder
        (SOURCES, 'role = "parks"', 'role = "gardens"', 0, "role", "不认识的用途“gardens”"),
        (SOURCES, 'name = "parks.csv"', 'name = "park.csv"', 0, "", "文件不存在"),
        (SOURCES, 'licence = "MIT"', "", 0, "", "格式不对"),
        (SOURCES, 'licence = "MIT"', 'licence = ""', 0, "", "缺来源或许可"),
        (SOURCES, 'licence = "MIT"', f'licence = "{"M" * 121}"', 0, "", "太长"),
        (SOURCES, 'role = "parks"', 'role = "libraries"', 0, "role", "“libraries”登记了不止一个文件"),
        (SOURCES, 'name = "parks.csv"', 'name = "libraries.csv"', 0, "name", "libraries.csv 登记了不止一次"),
    ],
)
def test_a_fault_is_named(spoil: Spoil, file: str, old: str, new: str, line: int, column: str, reason: str) -> None:
    problems = problems_of(spoil(file, old, new))
    named = [problem for problem in problems if problem.column == column and reason in problem.reason]
    assert named, problems[:5]
    if line:
        assert {problem.line for problem in named} >= {line}, named


def test_an_offer_holds_from_its_first_day_to_its_last(spoil: Spoil) -> None:
    data = spoil(BANKS, "[[outlet_plan]]", offer_entry())
    assert len(read_city(data).banks) == 16
    days = [date(2026, 4, 30), date(2026, 5, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [list(offers_at(day, data)) for day in days] == [[], ["ICBC"], ["ICBC"], []]


def test_without_a_fault_the_folder_is_good(folder: Path) -> None:
    assert len(read_city(folder).tables["communities"].rows) == 99


def test_all_faults_are_named_at_once(spoil: Spoil) -> None:
    spoil(DISTRICTS, "110101,110101000000,东城区", "11010,1101,")
    spoil(STOPS, "2号航站楼,7243", "2号航站楼,far")
    folder = spoil(FARES, "value = 240", "value = -1")
    named = {(problem.file, problem.column) for problem in problems_of(folder)}
    assert {
        (DISTRICTS, "code6"),
        (DISTRICTS, "code12"),
        (DISTRICTS, "name"),
        (STOPS, "dist_from_prev_m"),
        (FARES, "limit.value"),
    } <= named


def test_a_file_in_another_encoding_is_named_with_its_line(folder: Path) -> None:
    path = folder / DISTRICTS
    lines = path.read_bytes().split(b"\n")
    lines[2] = "110102,110102000000,西城区".encode("gb18030")
    path.write_bytes(b"\n".join(lines))
    assert Problem(DISTRICTS, 3, "", "不是 UTF-8 编码；请另存为 UTF-8 后再试") in problems_of(folder)


def test_a_byte_order_mark_does_no_harm(folder: Path) -> None:
    path = folder / DISTRICTS
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_city(folder).tables["districts"].rows) == 16


def test_windows_line_ends_do_no_harm(folder: Path) -> None:
    path = folder / DISTRICTS
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    table, problems = read_table(path, DISTRICTS, DistrictRow, ("code6",))
    assert problems == []
    assert table.lines == list(range(2, 18))


def test_a_missing_file_and_an_undescribed_one(folder: Path) -> None:
    (folder / "parks.csv").unlink()
    (folder / "notes.csv").write_text("?", encoding="utf-8")
    assert {(problem.file, problem.reason[:3]) for problem in problems_of(folder)} == {
        ("parks.csv", "SOU"),
        ("notes.csv", "没有在"),
    }


def test_a_folder_without_description(tmp_path: Path) -> None:
    assert [problem.file for problem in problems_of(tmp_path)] == [SOURCES]


def test_a_problem_reads_as_a_sentence() -> None:
    assert str(Problem("a.csv", 3, "name", "不能为空")) == "a.csv 第 3 行“name”栏：不能为空"
    assert str(Problem("a.csv", 0, "", "找不到")) == "a.csv：找不到"
