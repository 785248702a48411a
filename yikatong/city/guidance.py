"""What the city tells holders of the card: what it is good for, and answers to their questions.

Django-free. Read from ``rules/services.toml`` and ``rules/questions.toml``; entries are dated as all rules are. A text whose
source holds ``assumption`` was not seen in a source and is shown as unverified.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from yikatong.city.dated import Entry, in_force, read_entries
from yikatong.city.folder import CITY_DATA, BadCityData, Problem

SERVICES = "rules/services.toml"
QUESTIONS = "rules/questions.toml"
Group = Literal["employee", "flexible", "resident", "student", "minor", "retiree", "senior"]
Need = Literal["medical", "travel", "books", "parks", "money", "query", "work", "bank", "meals", "identity"]
Medium = Literal["card", "ecard", "both"]
Function = Literal["social", "transit", "financial", "none"]
PlaceCategory = Literal["metro_station", "hospital", "clinic", "park", "library", "outlet"]
Topic = Literal[
    "old_card", "activation", "bank", "batch", "apply", "collect", "loss", "ecard", "use", "money", "special", "rights"
]
NEEDS: tuple[Need, ...] = (
    *("medical", "travel", "books", "parks", "money"),
    *("query", "work", "bank", "meals", "identity"),
)
GROUPS: tuple[Group, ...] = ("employee", "flexible", "resident", "student", "minor", "retiree", "senior")
TOPICS: tuple[Topic, ...] = (
    *("old_card", "activation", "bank", "batch", "apply", "collect"),
    *("loss", "ecard", "use", "money", "special", "rights"),
)
Text = Annotated[str, msgspec.Meta(min_length=1, description="文字")]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=120, description="1 到 120 字")]
EnglishTitle = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="1 到 200 个字符")]


class Service(Entry, frozen=True, kw_only=True):
    """Something the card is good for.

    ``groups`` empty: for everybody. ``saves_*`` only with a figure of a source. ``function``: what must be activated first.
    ``works_here``: terminals of this platform serve it; otherwise it is a fact of the programme.
    """

    name_zh: Title
    name_en: EnglishTitle
    needs: Annotated[tuple[Need, ...], msgspec.Meta(min_length=1, description="至少一种需要")]
    groups: tuple[Group, ...] = ()
    medium: Medium
    function: Function
    what_zh: Text
    what_en: Text
    how_zh: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, description="至少一步")]
    how_en: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, description="至少一步")]
    saves_zh: str = ""
    saves_en: str = ""
    place_categories: tuple[PlaceCategory, ...] = ()
    works_here: bool = False


class Question(Entry, frozen=True, kw_only=True):
    """A question with its first answer; staff edit it later in the workbench. ``keywords``: other words people use."""

    topic: Topic
    title_zh: Title
    title_en: EnglishTitle
    answer_zh: Text
    answer_en: Text
    keywords: tuple[Text, ...] = ()


_SERVICE_TABLES: dict[str, type[Entry]] = {"service": Service}
_QUESTION_TABLES: dict[str, type[Entry]] = {"question": Question}


def read_services(root: Path) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The services of a data folder, and every fault in them."""
    entries, problems = read_entries(root, SERVICES, _SERVICE_TABLES)
    for entry in entries["service"]:
        if len(entry.how_zh) != len(entry.how_en):
            problems.append(Problem(SERVICES, 0, "service.how_en", f"{entry.code} 的步骤与中文的步数不同"))
        if bool(entry.saves_zh) != bool(entry.saves_en):
            problems.append(Problem(SERVICES, 0, "service.saves_en", f"{entry.code} 的中文和英文应同时有或没有"))
    return entries, problems


def read_questions(root: Path) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The questions of a data folder, and every fault in them."""
    entries, problems = read_entries(root, QUESTIONS, _QUESTION_TABLES)
    for entry in entries["question"]:
        if len("，".join(entry.keywords)) > 300:
            problems.append(Problem(QUESTIONS, 0, "question.keywords", f"{entry.code} 的关键词太长（合计限 300 字）"))
    return entries, problems


@cache
def services_at(day: date, data: Path = CITY_DATA) -> Mapping[str, Service]:
    """By code, in the file's order, what the card is good for on a day (of Beijing). Raises ``BadCityData``."""
    return in_force(_services(data), day)


@cache
def _services(data: Path) -> list[Service]:
    entries, problems = read_services(data)
    if problems:
        raise BadCityData(problems)
    return entries["service"]
