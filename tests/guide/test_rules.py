"""What a wording must be, how two differ, and stored texts in the page's language."""

from dataclasses import replace

import pytest

from yikatong.guide.languages import in_language, to_simplified
from yikatong.guide.rules import Change, Reason, Wording, difference, faults_of, tidy

GOOD = Wording("标题", "Title", "答", "Answer", "词", "source")


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({}, {}),
        ({"title_zh": " "}, {"title_zh": Reason.MISSING}),
        ({"answer_en": "", "source": ""}, {"answer_en": Reason.MISSING, "source": Reason.MISSING}),
        ({"keywords": ""}, {}),
        ({"title_zh": "长" * 121}, {"title_zh": Reason.TOO_LONG}),
        ({"answer_zh": "长" * 6001}, {"answer_zh": Reason.TOO_LONG}),
        ({"answer_zh": "[x](http://y)"}, {"answer_zh": Reason.UNSAFE_LINK}),
    ],
)
def test_faults(changes: dict[str, str], faults: dict[str, Reason]) -> None:
    assert faults_of(replace(GOOD, **changes)) == faults


def test_tidying() -> None:
    assert tidy("\r\na  \r\n\r\n\r\n\r\nb\r") == "a\n\nb"


def test_difference() -> None:
    found = difference("十天内有效 card", "七天内有效 cards")
    assert found == [
        Change("removed", "十"),
        Change("added", "七"),
        Change("kept", "天内有效 "),
        Change("removed", "card"),
        Change("added", "cards"),
    ]
    assert difference("同", "同") == [Change("kept", "同")]


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("zh-hans", "网点发卡后三位"),
        ("en", "English"),
        ("en-gb", "English"),
        ("zh-hant", "網點發卡後三位"),
        ("zh-TW", "網點發卡後三位"),
        (None, "网点发卡后三位"),
    ],
)
def test_languages(language: str | None, shown: str) -> None:
    assert in_language("网点发卡后三位", "English", language) == shown


def test_a_missing_english_text_falls_back_to_chinese() -> None:
    assert in_language("中文", "", "en") == "中文"


def test_what_is_typed_in_traditional_characters() -> None:
    assert to_simplified("掛失補辦") == "挂失补办"
