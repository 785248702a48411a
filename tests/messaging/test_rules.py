"""What a template may say and how long it is on the air."""

import pytest

from yikatong.messaging.rules import Length, filled_in, length_of, problems_of

SAMPLE = {"salutation": "欧阳女士", "who": "您", "portal": "card.example", "hotline": "12333"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Length(0, 1)),
        ("卡" * 70, Length(70, 1)),
        ("卡" * 71, Length(71, 2)),
        ("卡" * 134, Length(134, 2)),
        ("卡" * 135, Length(135, 3)),
        ("a" * 160, Length(160, 1)),
        ("a" * 161, Length(161, 2)),
        ("a" * 306, Length(306, 2)),
        ("a" * 307, Length(307, 3)),
        ("€" * 80, Length(160, 1)),
        ("a" * 70 + "卡", Length(71, 2)),
        ("𠮷" * 35, Length(70, 1)),
        ("𠮷" * 36, Length(72, 2)),
    ],
    ids=["none", "70", "71", "134", "135", "160", "161", "306", "307", "euro", "mixed", "𠮷×35", "𠮷×36"],
)
def test_lengths(text: str, expected: Length) -> None:
    assert length_of(text) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"title": " "}, [("title", "title_wrong")]),
        ({"chinese": ""}, [("chinese", "missing")]),
        ({"english": " "}, [("english", "missing")]),
        ({"chinese": "{name}您好"}, [("chinese", "place_unknown")]),
        ({"chinese": "{salutation"}, [("chinese", "brace_alone")]),
        ({"chinese": "salutation}"}, [("chinese", "brace_alone")]),
        ({"chinese": "{{who}}"}, [("chinese", "brace_alone")]),
        ({"chinese": "卡" * 264}, [("chinese", "too_long")]),
        ({"chinese": "【某局】您好"}, [("chinese", "signature_twice")]),
        ({"english": "{__class__}"}, [("english", "place_unknown")]),
    ],
)
def test_problems(changes: dict[str, str], expected: list[tuple[str, str]]) -> None:
    texts = {"title": "提示", "chinese": "{salutation}，{who}的卡到了", "english": "{salutation}, your card"} | changes
    found = problems_of(**texts, sample=SAMPLE, signature="【一卡通】")
    assert [(each.field, each.what) for each in found] == expected


def test_what_stands_in_a_value_is_no_place() -> None:
    assert filled_in("{salutation} {who}", SAMPLE | {"salutation": "{hotline}"}) == "{hotline} 您"
