"""A city's data folder: which file plays which role, where it comes from, and what a fault in one of them looks like.

``SOURCES.toml`` describes every file. Readers ask for a role (``streets``) and never for a file name, so that another
city may name its files as it likes. This module reads no content: see ``tables`` (CSV) and ``dated`` (rules).
"""

import os
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from yikatong.foundation.errors import YikatongError

BEIJING = Path(__file__).resolve().parent / "data" / "beijing"
CITY_DATA = Path(os.environ.get("YIKATONG_CITY_DATA") or BEIJING)
"""The folder in use: ``$YIKATONG_CITY_DATA``, or Beijing's, which comes with the package."""
SOURCES = "SOURCES.toml"
ROLES = (
    "districts",
    "streets",
    "communities",
    "boundaries",
    "district_population",
    "city_population",
    "metro_lines",
    "metro_line_stations",
    "metro_stations",
    "metro_transfers",
    "metro_fares",
    "medical_institutions",
    "hospital_coordinates",
    "hospital_addresses",
    "parks",
    "libraries",
    "banks",
    "bank_branches",
    "surnames",
    "given_names",
    "ethnic_groups",
    "programme_facts",
)
RULE_FILES = (
    "rules/programme.toml",
    "rules/metro_fares.toml",
    "rules/banks.toml",
    "rules/campaign.toml",
    "rules/consents.toml",
    "rules/services.toml",
    "rules/questions.toml",
)
_UNDESCRIBED = {SOURCES, "NOTICE"}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in one file. ``line`` is 0 when it concerns the whole file, ``column`` empty when the whole line."""

    file: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = (f"第 {self.line} 行" if self.line else "") + (f"“{self.column}”栏" if self.column else "")
        return f"{self.file} {where}：{self.reason}" if where else f"{self.file}：{self.reason}"


class BadCityData(YikatongError):
    """The folder cannot be used. ``problems`` holds every fault found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        lines = "\n".join(map(str, self.problems))
        super().__init__(f"城市数据有 {len(self.problems)} 处错误，没有导入任何内容：\n{lines}")


class CityHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which city it is, and the box in degrees outside which a coordinate must be a mistake."""

    code: str
    name_zh: str
    name_en: str
    lng_min: float
    lng_max: float
    lat_min: float
    lat_max: float

    def holds(self, lng: float, lat: float) -> bool:
        """Whether a point lies in the box."""
        return self.lng_min <= lng <= self.lng_max and self.lat_min <= lat <= self.lat_max


class SourceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one file comes from and on what terms. ``datum`` is that of its coordinates, if it has any."""

    role: str
    name: str
    title_zh: str
    source: str
    short: str
    licence: str
    effective_from: date | None = None
    datum: str = ""
    credit: str = ""
    notes: str = ""

    @property
    def has_unclear_licence(self) -> bool:
        """Whether somebody must still decide before this file is passed on."""
        return "unclear" in self.licence


class _Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    city: CityHead
    file: tuple[SourceFile, ...]


msgspec.json.Decoder(_Sources)  # ready before there are threads: see docs/decisions/0010


@dataclass(frozen=True, slots=True)
class CityFolder:
    """An opened folder: every role has its file. Content is still unread."""

    root: Path
    head: CityHead
    files: tuple[SourceFile, ...]

    def described(self, role: str) -> SourceFile:
        """The description of the one file in this role."""
        return next(file for file in self.files if file.role == role)

    def path(self, role: str) -> Path:
        """Where the file in this role lies."""
        return self.root / self.described(role).name

    def notice(self) -> str:
        """The credits to be shown wherever this data is shown; empty when the folder has none."""
        path = self.root / "NOTICE"
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def open_folder(root: Path = CITY_DATA) -> CityFolder:
    """Read ``SOURCES.toml`` and hold it against the files that are there. Raises ``BadCityData``."""
    path = root / SOURCES
    if not path.is_file():
        raise BadCityData([Problem(SOURCES, 0, "", f"找不到文件 {path}；城市数据目录必须有它")])
    try:
        content = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Sources)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadCityData([Problem(SOURCES, 0, "", f"格式不对：{error}")]) from error
    problems = _compare(root, content.file)
    if problems:
        raise BadCityData(problems)
    return CityFolder(root, content.city, content.file)


def _compare(root: Path, files: tuple[SourceFile, ...]) -> list[Problem]:
    problems = []
    names = [file.name for file in files]
    roles = [file.role for file in files if file.role != "rules"]
    for file in files:
        if file.role not in (*ROLES, "rules"):
            problems.append(Problem(SOURCES, 0, "role", f"不认识的用途“{file.role}”（{file.name}）"))
        if not (root / file.name).is_file():
            problems.append(Problem(file.name, 0, "", f"{SOURCES} 中登记了，但文件不存在"))
        if not file.source or not file.licence:
            problems.append(Problem(SOURCES, 0, "", f"{file.name} 缺来源或许可"))
        if len(file.short) > 120 or len(file.source) > 300 or len(file.licence) > 120:
            problems.append(
                Problem(SOURCES, 0, "", f"{file.name} 的说明太长（short、licence 限 120 字，source 限 300 字）")
            )
    problems += [Problem(SOURCES, 0, "role", f"没有登记“{role}”文件") for role in ROLES if role not in roles]
    problems += [Problem(SOURCES, 0, "role", f"“{role}”登记了不止一个文件") for role in _twice(roles)]
    problems += [Problem(SOURCES, 0, "name", f"{name} 登记了不止一次") for name in _twice(names)]
    problems += [Problem(name, 0, "", "缺少规则文件，或未登记") for name in RULE_FILES if name not in names]
    here = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    undescribed = sorted(here - set(names) - _UNDESCRIBED)
    return problems + [Problem(name, 0, "", f"没有在 {SOURCES} 中登记来源和许可") for name in undescribed]


def _twice(texts: list[str]) -> list[str]:
    return sorted({text for text in texts if texts.count(text) > 1})
