"""The rows of a city's text tables: one struct per role, its fields named like the columns.

Every field says in its type what it must look like and in its description how to say so to a person. What a row must agree on
with other rows is in ``checks``. The tables themselves, with source and licence: ``SOURCES.toml`` of the data folder.
"""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, max_length=120, description="不超过 120 字的文字")]
LongText = Annotated[str, Meta(max_length=300, description="不超过 300 字的文字")]
DistrictCode = Annotated[str, Meta(pattern=r"^[0-9]{6}$", description="六位数字的区代码")]
StreetCode = Annotated[str, Meta(pattern=r"^[0-9]{9}$", description="九位数字的街道代码")]
CommunityCode = Annotated[str, Meta(pattern=r"^[0-9]{12}$", description="十二位数字的社区代码")]
Colour = Annotated[str, Meta(pattern=r"^#[0-9A-Fa-f]{6}$", description="#RRGGBB 颜色")]
Sequence = Annotated[int, Meta(ge=1, description="从 1 起的序号")]
Metres = Annotated[int, Meta(ge=1, le=200_000, description="1 到 200000 的整数（米）")]
Count = Annotated[int, Meta(ge=0, description="不小于 0 的整数")]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="经度（-180 到 180 的数）")]
Latitude = Annotated[float, Meta(ge=-90, le=90, description="纬度（-90 到 90 的数）")]
Flag = Annotated[Literal["0", "1"], Meta(description="0 或 1")]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a table."""


class DistrictRow(Row, frozen=True, kw_only=True):
    """A district by GB/T 2260."""

    code6: DistrictCode
    code12: CommunityCode
    name: Text


class StreetRow(Row, frozen=True, kw_only=True):
    """A street, town or township, or a statistical unit of that rank."""

    code9: StreetCode
    name: Text
    district_code: DistrictCode
    district: Text


class CommunityRow(Row, frozen=True, kw_only=True):
    """A residents' or villagers' committee."""

    code12: CommunityCode
    name: Text
    street_code: StreetCode
    district_code: DistrictCode


class DistrictPopulationRow(Row, frozen=True, kw_only=True):
    """Residents of a district at the census."""

    district_code: DistrictCode
    district: Text
    resident_population: Count
    share_pct: Annotated[float, Meta(ge=0, le=100, description="0 到 100 的数（百分比）")]


class CityPopulationRow(Row, frozen=True, kw_only=True):
    """A census figure of the whole city."""

    measure: Text
    value: Count
    source_url: Text
    note: LongText = ""


class MetroLineRow(Row, frozen=True, kw_only=True):
    """A metro line. English names are separated by ``|``."""

    line: Text
    aliases_en: LongText = ""
    color: Colour
    station_count: Count
    is_loop: Flag
    first_station: Text
    last_station: Text
    length_m: Count
    carriages: Count
    carriage_type: Text
    design_speed_kmh: Count
    data_as_of: date
    source_file: Text


class MetroStopRow(Row, frozen=True, kw_only=True):
    """A station's place on a line."""

    line: Text
    seq: Sequence
    station: Text
    dist_from_prev_m: Metres | None = None
    aliases_en: LongText = ""


class MetroStationRow(Row, frozen=True, kw_only=True):
    """A station with its lines (separated by ``|``) and, where known, its place."""

    station: Text
    lines: Text
    lng_wgs84: Longitude | None = None
    lat_wgs84: Latitude | None = None
    osm_node_id: LongText = ""
    wikidata: LongText = ""
    match: LongText = ""
    multiple_osm_nodes: LongText = ""


class MetroTransferRow(Row, frozen=True, kw_only=True):
    """A way between two lines on foot; ``is_virtual`` when it leaves the gates."""

    station: Text
    from_line: Text
    from_direction: LongText = ""
    to_line: Text
    to_direction: LongText = ""
    minutes: Annotated[float, Meta(ge=0, le=60, description="0 到 60 的数（分钟）")]
    walk_m: Count | None = None
    stairs: Count | None = None
    apply_time: LongText = ""
    is_virtual: Flag
    to_station: Text


class MedicalInstitutionRow(Row, frozen=True, kw_only=True):
    """A designated medical institution by its eight-digit insurance code."""

    code8: Annotated[str, Meta(pattern=r"^[0-9A-Z]{8}$", description="八位医保编码")]
    name: Text
    district: Text
    district_code: Annotated[str, Meta(pattern=r"^([0-9]{6})?$", description="六位数字的区代码或空")] = ""
    category: Text
    level_raw: Text
    tier: Literal["", "一级", "二级", "三级"] = ""
    grade: Literal["", "甲等", "乙等", "丙等"] = ""


class HospitalCoordinatesRow(Row, frozen=True, kw_only=True):
    """Where a hospital lies. ``code8``: the designated institution it is, where somebody compared the two lists by hand."""

    id: Text
    name: Text
    full_name: LongText = ""
    level: LongText = ""
    lng: Longitude
    lat: Latitude
    code8: Annotated[str, Meta(pattern=r"^([0-9A-Z]{8})?$", description="八位医保编码或空")] = ""


class HospitalAddressRow(Row, frozen=True, kw_only=True):
    """A hospital's address as published."""

    name: Text
    district: LongText = ""
    address: Text
    tel: LongText = ""
    tags_2020_covid: LongText = ""


class ParkRow(Row, frozen=True, kw_only=True):
    """A park; whether the municipal list and the annual pass of 2022 name it."""

    name: Text
    is_municipal: Flag
    on_annual_pass_2022: Flag
    district: LongText = ""
    address: LongText = ""
    ticket_yuan: Count | None = None
    lng: Longitude | None = None
    lat: Latitude | None = None
    coord_source: LongText = ""
    note: LongText = ""


class LibraryRow(Row, frozen=True, kw_only=True):
    """A public library."""

    source_id: LongText = ""
    name: Text
    kind: Literal["city", "district", "branch"]
    district: LongText = ""
    network_code_prefix: LongText = ""
    address: LongText = ""
    hours: LongText = ""
    source: LongText


class BankRow(Row, frozen=True, kw_only=True):
    """A cooperating bank of the public list."""

    short_code: Annotated[str, Meta(pattern=r"^[A-Z0-9]{2,8}$", description="二到八位大写字母或数字")]
    name: Annotated[str, Meta(min_length=1, max_length=40, description="不超过 40 字的文字")]
    cnaps_bank_prefix: Annotated[str, Meta(pattern=r"^[0-9]{3}$", description="三位数字")]
    cnaps_head_office: Annotated[str, Meta(pattern=r"^([0-9]{12})?$", description="十二位数字或空")] = ""
    source: Annotated[str, Meta(min_length=1, max_length=200, description="不超过 200 字的文字")]


class BranchRow(Row, frozen=True, kw_only=True):
    """A branch as listed, or as a list says it was removed."""

    bank: Text
    branch_name: Text
    cnaps_code: Annotated[str, Meta(pattern=r"^([0-9]{12})?$", description="十二位数字或空")] = ""
    status: Literal["listed", "removed"]
    as_of: date | None = None
    source: Text
    city_evidence: LongText = ""
    note: LongText = ""
    district_in_name: LongText = ""


class SurnameRow(Row, frozen=True, kw_only=True):
    """A surname with its relative weight."""

    surname: Annotated[str, Meta(min_length=1, max_length=4, description="一到四个字")]
    weight: Annotated[float, Meta(gt=0, description="大于 0 的数")]


class GivenNameRow(Row, frozen=True, kw_only=True):
    """A given name and whom it is given to."""

    given_name: Annotated[str, Meta(min_length=1, max_length=4, description="一到四个字")]
    gender: Literal["M", "F"]


class EthnicGroupRow(Row, frozen=True, kw_only=True):
    """An ethnic group by GB/T 3304."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{2}$", description="两位数字")]
    name: Text
    roman: Text
    letter_code: Annotated[str, Meta(pattern=r"^[A-Z]{2}$", description="两位大写字母")]


class ProgrammeFactRow(Row, frozen=True, kw_only=True):
    """A published figure or sentence about the programme."""

    fact: Text
    value: LongText
    source: LongText
    as_of: date


TABLES: dict[str, tuple[type[Row], tuple[str, ...]]] = {
    "districts": (DistrictRow, ("code6",)),
    "streets": (StreetRow, ("code9",)),
    "communities": (CommunityRow, ("code12",)),
    "district_population": (DistrictPopulationRow, ("district_code",)),
    "city_population": (CityPopulationRow, ("measure",)),
    "metro_lines": (MetroLineRow, ("line",)),
    "metro_line_stations": (MetroStopRow, ("line", "seq")),
    "metro_stations": (MetroStationRow, ("station",)),
    "metro_transfers": (MetroTransferRow, ()),
    "medical_institutions": (MedicalInstitutionRow, ("code8",)),
    "hospital_coordinates": (HospitalCoordinatesRow, ("id",)),
    "hospital_addresses": (HospitalAddressRow, ("name",)),
    "parks": (ParkRow, ("name",)),
    "libraries": (LibraryRow, ("name",)),
    "banks": (BankRow, ("short_code",)),
    "bank_branches": (BranchRow, ()),
    "surnames": (SurnameRow, ("surname",)),
    "given_names": (GivenNameRow, ("given_name", "gender")),
    "ethnic_groups": (EthnicGroupRow, ("code",)),
    "programme_facts": (ProgrammeFactRow, ("fact",)),
}
"""By role: the struct of its rows and the columns that together occur once."""
