"""Checking one record field by field, so that every bad field is named, in Chinese, and not only the first.

``msgspec`` decides; here its verdict is turned into what a person can act on. The wording comes from the field's own
type (``Meta(description=...)``), so that a rule and its explanation cannot drift apart.
"""

import threading
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec

_ONE_AT_A_TIME = threading.Lock()
_WORDS: dict[Any, str] = {int: "整数", float: "数", bool: "0 或 1", date: "日期（如 2024-10-30）", str: "文字"}


def convert_fields[Record: msgspec.Struct](
    raw: Mapping[str, Any], record: type[Record], *, is_text: bool
) -> tuple[Record | None, list[tuple[str, str]]]:
    """The record, or ``None`` and every fault as (field, reason).

    ``is_text``: values are cells of a text table, so that ``"12"`` may become 12 and an empty cell means "not given".
    """
    fields = _fields(record)
    given = {name: value for name, value in raw.items() if value != ""} if is_text else raw
    if fields.keys() >= given.keys():
        try:
            return msgspec.convert(given, record, strict=not is_text), []
        except msgspec.ValidationError:
            pass  # slower, field by field, to name every fault
    faults: list[tuple[str, str]] = []
    values: dict[str, Any] = {}
    for field in fields.values():
        value = raw.get(field.name)
        if value is None or (is_text and value == ""):
            if field.required:
                faults.append((field.name, "不能为空"))
            continue
        try:
            values[field.name] = msgspec.convert(value, field.type, strict=not is_text)
        except msgspec.ValidationError as error:
            detail = "" if is_text else f"（{error}）"
            faults.append((field.name, f"应为{expectation(field.type)}，文件中为“{_shown(value)}”{detail}"))
    faults += [(name, "不认识的项目") for name in raw if name not in fields]
    return (None, faults) if faults else (record(**values), [])


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:60] + "…"


@cache
def _fields(record: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    with _ONE_AT_A_TIME:
        msgspec.json.Decoder(record)  # ready before another thread converts to it: see docs/decisions/0010
    return {field.name: field for field in msgspec.structs.fields(record)}


def expectation(kind: Any) -> str:
    """What a field of this type must be, in words."""
    described = [meta.description for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    words = next((text for text in described if text), None)
    if words:
        return words
    if get_origin(kind) is Literal:
        return "、".join(map(str, get_args(kind))) + " 之一"
    inner = [part for part in get_args(kind) if part is not type(None)]
    if kind not in _WORDS and inner:
        return expectation(inner[0])
    return _WORDS.get(kind, "规定的格式")
