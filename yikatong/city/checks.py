"""What the tables of a data folder must agree on with each other. Pure; finds every fault, changes nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from yikatong.city.dated import in_force
from yikatong.city.folder import CityFolder, Problem
from yikatong.city.schemas import MetroLineRow, MetroStopRow
from yikatong.city.tables import Table
from yikatong.city.tariffs import METRO_FARES

Tables = Mapping[str, Table[Any]]
Entries = Mapping[str, list[Any]]


def check_between_tables(
    folder: CityFolder, tables: Tables, *, programme: Entries, fares: Entries, banks: Entries
) -> list[Problem]:
    """Every disagreement between the tables and with the rule files."""
    return [
        *_divisions(tables),
        *_populations(tables),
        *_metro_lines(tables),
        *_metro_stations(tables),
        *_metro_rules(tables, fares),
        *_places(folder, tables),
        *_banks(tables, banks),
        *_batches(tables, programme),
    ]


def _divisions(tables: Tables) -> Iterator[Problem]:
    districts = tables["districts"].by(lambda row: row.code6)
    for index, row in enumerate(tables["districts"].rows):
        if row.code12 != row.code6 + "000000":
            yield tables["districts"].problem(index, "code12", f"应为 {row.code6}000000")
    for index, row in enumerate(tables["streets"].rows):
        district = districts.get(row.district_code)
        if district is None:
            yield tables["streets"].problem(index, "district_code", f"没有代码为 {row.district_code} 的区")
        elif district.name != row.district:
            yield tables["streets"].problem(
                index, "district", f"{row.district_code} 是{district.name}，不是{row.district}"
            )
        if row.code9[:6] != row.district_code:
            yield tables["streets"].problem(index, "code9", f"前六位应为区代码 {row.district_code}")
    with_streets = {row.district_code for row in tables["streets"].rows}
    for code in sorted(districts.keys() - with_streets):
        yield Problem(tables["streets"].file, 0, "district_code", f"{districts[code].name}（{code}）没有街道")
    streets = tables["streets"].by(lambda row: row.code9)
    for index, row in enumerate(tables["communities"].rows):
        if row.street_code not in streets:
            yield tables["communities"].problem(index, "street_code", f"没有代码为 {row.street_code} 的街道")
        if row.code12[:9] != row.street_code:
            yield tables["communities"].problem(index, "code12", f"前九位应为街道代码 {row.street_code}")
        if row.street_code[:6] != row.district_code:
            yield tables["communities"].problem(index, "district_code", f"应为 {row.street_code[:6]}")


def _populations(tables: Tables) -> Iterator[Problem]:
    table, city = tables["district_population"], tables["city_population"]
    names = {row.code6: row.name for row in tables["districts"].rows}
    for index, row in enumerate(table.rows):
        if names.get(row.district_code) != row.district:
            yield table.problem(index, "district_code", f"{row.district_code} 不是{row.district}")
    found = {row.district_code for row in table.rows}
    for code in sorted(names.keys() - found):
        yield Problem(table.file, 0, "district_code", f"缺 {code}（{names[code]}）的人口")
    measures = {row.measure: row.value for row in city.rows}
    total = measures.get("resident_population")
    by_district = sum(row.resident_population for row in table.rows)
    if total is None:
        yield Problem(city.file, 0, "measure", "缺 resident_population（全市常住人口）")
        return
    if by_district != total:
        yield Problem(table.file, 0, "resident_population", f"各区合计 {by_district} 人，全市为 {total} 人")
    for parts in (("male", "female"), ("age_0_14", "age_15_59", "age_60_plus"), ("ethnic_han", "ethnic_minorities")):
        given = [measures[part] for part in parts if part in measures]
        if given and sum(given) != total:
            yield Problem(city.file, 0, "value", f"{'、'.join(parts)} 合计 {sum(given)} 人，应为 {total} 人")


def _metro_lines(tables: Tables) -> Iterator[Problem]:
    table: Table[MetroStopRow] = tables["metro_line_stations"]
    lines: dict[str, MetroLineRow] = tables["metro_lines"].by(lambda row: row.line)
    stops: dict[str, list[tuple[int, MetroStopRow]]] = defaultdict(list)
    for index, row in enumerate(table.rows):
        if row.line not in lines:
            yield table.problem(index, "line", f"线路表中没有“{row.line}”")
            continue
        sequence = stops[row.line]
        if row.seq != len(sequence) + 1:
            yield table.problem(index, "seq", f"{row.line} 的站序不连续：应为 {len(sequence) + 1}，文件中为 {row.seq}")
        is_start, is_loop = not sequence, lines[row.line].is_loop == "1"
        if row.dist_from_prev_m is None and (not is_start or is_loop):
            what = "首尾相接一段" if is_start else "与上一站"
            yield table.problem(index, "dist_from_prev_m", f"{row.line} {row.station} 缺{what}的距离")
        if row.dist_from_prev_m is not None and is_start and not is_loop:
            yield table.problem(index, "dist_from_prev_m", f"{row.line} 不是环线，第一站不应有距离")
        sequence.append((index, row))
    for index, line in enumerate(tables["metro_lines"].rows):
        rows = [row for _, row in stops[line.line]]
        found: dict[str, object] = {
            "station_count": len(rows),
            "first_station": rows[0].station if rows else "",
            "last_station": rows[-1].station if rows else "",
            "length_m": sum(row.dist_from_prev_m or 0 for row in rows),
        }
        for column, value in found.items():
            if getattr(line, column) != value:
                yield tables["metro_lines"].problem(
                    index, column, f"{line.line} 写的是 {getattr(line, column)}，按站序表为 {value}"
                )


def _metro_stations(tables: Tables) -> Iterator[Problem]:
    stations = tables["metro_stations"]
    lines_at: dict[str, set[str]] = defaultdict(set)
    for row in tables["metro_line_stations"].rows:
        lines_at[row.station].add(row.line)
    for index, row in enumerate(stations.rows):
        if set(row.lines.split("|")) != lines_at.get(row.station, set()):
            found = "、".join(sorted(lines_at.get(row.station, set()))) or "没有这一站"
            yield stations.problem(index, "lines", f"{row.station} 的线路与站序表不一致（{found}）")
        if (row.lng_wgs84 is None) != (row.lat_wgs84 is None):
            yield stations.problem(index, "lng_wgs84", "经度和纬度须同时有或同时没有")
    known = {row.station for row in stations.rows}
    for station in sorted(lines_at.keys() - known):
        yield Problem(stations.file, 0, "station", f"缺车站“{station}”（站序表中有）")
    transfers = tables["metro_transfers"]
    for index, row in enumerate(transfers.rows):
        for column, station, line in (
            ("station", row.station, row.from_line),
            ("to_station", row.to_station, row.to_line),
        ):
            if line not in lines_at.get(station, set()):
                yield transfers.problem(index, column, f"{line} 没有“{station}”站")


def _metro_rules(tables: Tables, fares: Entries) -> Iterator[Problem]:
    lines = {row.line for row in tables["metro_lines"].rows}
    stations = {row.station for row in tables["metro_stations"].rows}
    for network in fares["network"]:
        for line in sorted(set(network.lines) - lines):
            yield Problem(METRO_FARES, 0, "network.lines", f"{network.code}：线路表中没有“{line}”")
    for early_bird in fares["early_bird"]:
        for station in sorted(set(early_bird.stations) - stations):
            yield Problem(METRO_FARES, 0, "early_bird.stations", f"没有名为“{station}”的车站")


def _places(folder: CityFolder, tables: Tables) -> Iterator[Problem]:
    names = {row.code6: row.name for row in tables["districts"].rows}
    medical = tables["medical_institutions"]
    for index, row in enumerate(medical.rows):
        if row.district_code and names.get(row.district_code) != row.district:
            yield medical.problem(index, "district_code", f"{row.district_code} 不是{row.district}")
    codes = {row.code8 for row in medical.rows}
    for index, row in enumerate(tables["hospital_coordinates"].rows):
        if row.code8 and row.code8 not in codes:
            yield tables["hospital_coordinates"].problem(index, "code8", f"定点名单中没有 {row.code8}")
    for role in ("parks", "libraries", "hospital_addresses"):
        for index, row in enumerate(tables[role].rows):
            if row.district and row.district not in names.values():
                yield tables[role].problem(index, "district", f"没有名为“{row.district}”的区")
    for role, columns in (
        ("metro_stations", ("lng_wgs84", "lat_wgs84")),
        ("hospital_coordinates", ("lng", "lat")),
        ("parks", ("lng", "lat")),
    ):
        for index, row in enumerate(tables[role].rows):
            lng, lat = (getattr(row, column) for column in columns)
            if lng is not None and lat is not None and not folder.head.holds(lng, lat):
                yield tables[role].problem(index, columns[0], f"坐标 ({lng}, {lat}) 不在{folder.head.name_zh}范围内")


def _banks(tables: Tables, banks: Entries) -> Iterator[Problem]:
    listed = tables["banks"].by(lambda row: row.short_code)
    described = {bank.code: bank for bank in banks["bank"]}
    for code in sorted(listed.keys() - described.keys()):
        yield Problem("rules/banks.toml", 0, "bank.code", f"缺 {code}（{listed[code].name}）")
    for code in sorted(described.keys() - listed.keys()):
        if not described[code].is_assumption:
            yield Problem("rules/banks.toml", 0, "bank.code", f"{code} 不在合作银行名单中，又没有标明 is_assumption")
    districts = {row.name for row in tables["districts"].rows}
    table = tables["bank_branches"]
    seen: dict[str, int] = {}
    for index, row in enumerate(table.rows):
        bank = listed.get(row.bank)
        if bank is None:
            yield table.problem(index, "bank", f"合作银行中没有 {row.bank}")
        elif row.cnaps_code and not row.cnaps_code.startswith(bank.cnaps_bank_prefix):
            yield table.problem(index, "cnaps_code", f"{row.bank} 的行号应以 {bank.cnaps_bank_prefix} 开头")
        if row.cnaps_code and not cnaps_code_is_valid(row.cnaps_code):
            yield table.problem(index, "cnaps_code", f"行号 {row.cnaps_code} 的校验位不对")
        if row.cnaps_code in seen:
            yield table.problem(index, "cnaps_code", f"{row.cnaps_code} 与第 {seen[row.cnaps_code]} 行重复")
        if row.cnaps_code:
            seen[row.cnaps_code] = table.lines[index]
        if row.district_in_name and row.district_in_name not in districts:
            yield table.problem(index, "district_in_name", f"没有名为“{row.district_in_name}”的区")


def _batches(tables: Tables, programme: Entries) -> Iterator[Problem]:
    districts = {row.code6 for row in tables["districts"].rows}
    for batch in programme["batch"]:
        for code in sorted(set(batch.districts) - districts):
            yield Problem("rules/programme.toml", 0, "batch.districts", f"{batch.name_zh}：没有代码为 {code} 的区")


def cnaps_code_is_valid(code: str) -> bool:
    """Whether a bank's twelve-digit clearing number ends in its check digit. Source: ISO 7064 MOD 11,10."""
    product = 10
    for digit in code[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(code[-1])


def check_boundaries(folder: CityFolder, districts: Table[Any], content: Any) -> list[Problem]:
    """Every district has an outline, under its own name, of closed rings near the city."""
    name = folder.described("boundaries").name
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list):
        return [Problem(name, 0, "features", "不是 GeoJSON 的 FeatureCollection")]
    problems = []
    names = {row.code6: row.name for row in districts.rows}
    found = {}
    for number, feature in enumerate(features, 1):
        try:
            code, title = feature["properties"]["code6"], feature["properties"]["name"]
            rings = list(_rings(feature["geometry"]))
            is_closed = all(len(ring) >= 4 and ring[0] == ring[-1] for ring in rings)
            is_near = all(folder.head.holds(lng, lat) for ring in rings for lng, lat in ring)
        except (KeyError, TypeError, ValueError):
            problems.append(Problem(name, 0, "features", f"第 {number} 个区的格式不对"))
            continue
        found[code] = title
        if names.get(code) != title:
            problems.append(Problem(name, 0, "code6", f"{code} 不是{title}"))
        if not rings or not is_closed:
            problems.append(Problem(name, 0, "geometry", f"{title}的边界没有闭合"))
        if not is_near:
            problems.append(Problem(name, 0, "geometry", f"{title}有坐标不在{folder.head.name_zh}范围内"))
    missing = sorted(names.keys() - found.keys())
    return problems + [Problem(name, 0, "code6", f"缺 {code}（{names[code]}）的边界") for code in missing]


def _rings(geometry: Mapping[str, Any]) -> Iterator[list[list[float]]]:
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for polygon in polygons:
        yield from polygon


def check_fare_source(folder: CityFolder, content: Any, fares: Entries) -> list[Problem]:
    """The main network's bands and the early-bird stations must be those of the file they were taken from."""
    name = folder.described("metro_fares").name
    networks = in_force(fares["network"], date.max).values()
    main = next(network for network in networks if not network.lines)
    step_m = in_force(fares["limit"], date.max)["distance_step_m"].value
    early_bird = in_force(fares["early_bird"], date.max).get("early_bird")
    bands = {band.up_to_m + step_m - 1: band.fare_fen for band in main.bands}
    problems = []
    try:
        for group in content["rule_groups"]:
            if "starting_stations" in group:
                if early_bird is None or set(group["starting_stations"]) != set(early_bird.stations):
                    problems.append(Problem(name, 0, group["name"], f"车站与 {METRO_FARES} 的 early_bird 不一致"))
            elif "lines" not in group:
                ends = {rule["end"]: rule["fare"] * 100 for rule in group["rules"] if "end" in rule}
                if any(ends.get(end) != fen for end, fen in bands.items()):
                    problems.append(Problem(name, 0, group["name"], f"分段与 {METRO_FARES} 的 {main.code} 不一致"))
    except (KeyError, TypeError) as error:
        return [Problem(name, 0, "rule_groups", f"格式不对：{error!r}")]
    return problems
