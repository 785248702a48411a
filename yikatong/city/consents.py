"""What people are asked to agree to and the words they agree to, version by version. Source: rules/consents.toml, entry by entry.

A version is the day its words took effect. Django-free; who agreed to what is kept by ``yikatong.consent``.
"""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from yikatong.city.dated import Entry, in_force, read_entries
from yikatong.city.folder import CITY_DATA, BadCityData, Problem

CONSENTS = "rules/consents.toml"
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=400, description="不超过 400 字的文字")]


class ConsentText(Entry, frozen=True, kw_only=True):
    """One purpose in one version. ``stops``: what ends when it is withdrawn; ``keeps``: what must be kept all the same."""

    at_first: Literal["on", "off"]
    is_sensitive: bool
    title_zh: Words
    title_en: Words
    text_zh: Words
    text_en: Words
    stops_zh: Words
    stops_en: Words
    keeps_zh: Words
    keeps_en: Words
    for_under_14: bool = False
    asks_again: bool = True

    @property
    def version(self) -> str:
        """``2024-10-30``: the day from which these words hold."""
        return self.effective_from.isoformat()


_TABLES: dict[str, type[Entry]] = {"consent": ConsentText}


def read_consents(data: Path) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The file's entries by table, and every fault in it."""
    return read_entries(data, CONSENTS, _TABLES)


@cache
def _entries(data: Path) -> tuple[ConsentText, ...]:
    entries, problems = read_consents(data)
    if problems:
        raise BadCityData(problems)
    return tuple(entries["consent"])


@cache
def consents_at(day: date, data: Path = CITY_DATA) -> dict[str, ConsentText]:
    """The words in force on a day, by purpose, in the file's order. Raises ``BadCityData``."""
    return in_force(_entries(data), day)


@cache
def least_version(purpose: str, day: date, data: Path = CITY_DATA) -> str:
    """The oldest version whose yes still counts on a day: that of the newest words that ask everybody anew."""
    versions = [text.version for text in _entries(data) if text.code == purpose and text.effective_from <= day]
    anew = [
        text.version
        for text in _entries(data)
        if text.code == purpose and text.effective_from <= day and text.asks_again
    ]
    return max(anew, default=min(versions, default=""))
