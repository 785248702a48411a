"""What the one input understands, and what is due for a card: tables of cases, without a database."""

from uuid import UUID

import pytest

from yikatong.desks.rules import Asked, CardAtDesk, Due, due_for, read_question

NUMBER = "0192f3a4-7b6c-7d8e-9f01-23456789abcd"


@pytest.mark.parametrize(
    ("text", "asked", "value"),
    [
        ("J00000012", Asked.CARD_NUMBER, "J00000012"),
        (" j0000 0012 ", Asked.CARD_NUMBER, "J00000012"),
        ("119901 19800517 001x", Asked.IDENTITY_NUMBER, "11990119800517001X"),
        ("102 0000 0001", Asked.PHONE, "10200000001"),
        ("+86 102-0000-0001", Asked.PHONE, "10200000001"),
        (NUMBER, Asked.NUMBER, NUMBER),
        (NUMBER.upper(), Asked.NUMBER, NUMBER),
        ("Y1.aB-_", Asked.CODE, "Y1.aB-_"),
        ("110000d156000005c38275eefc9b9648", Asked.IDENTIFICATION_CODE, "110000D156000005C38275EEFC9B9648"),
        ("", Asked.UNREADABLE, ""),
        ("𠮷野家", Asked.UNREADABLE, ""),
        ("１０２００００００００１", Asked.UNREADABLE, ""),
        ("x" * 5000, Asked.UNREADABLE, ""),
        ("Y1." + "x" * 5000, Asked.UNREADABLE, ""),
        ("1199011980051700", Asked.UNREADABLE, ""),
        ("0192f3a4-7b6c-7d8e-9f01-23456789abcg", Asked.UNREADABLE, ""),
        ("'; drop table", Asked.UNREADABLE, ""),
    ],
)
def test_what_was_typed_or_scanned(text: str, asked: Asked, value: str) -> None:
    question = read_question(text)
    assert (question.asked, question.value) == (asked, value)


def test_a_number_is_a_uuid_only_with_its_hyphens() -> None:
    assert read_question(UUID(NUMBER).hex).asked == Asked.UNREADABLE


AT_HAND = CardAtDesk("ready", "inactive", False, False, False, "outlet", True, False)


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, Due.HAND_OVER),
        ({"state": "made"}, Due.RECEIVE),
        ({"state": "made", "can_be_made_here": True}, Due.RECEIVE),
        ({"state": "made", "is_walk_in": True}, Due.RECEIVE),
        ({"state": "made", "can_be_made_here": True, "is_walk_in": True}, Due.MAKE),
        ({"is_of_this_outlet": False}, Due.ELSEWHERE),
        ({"is_of_this_outlet": False, "collection": "unit"}, Due.UNIT),
        ({"collection": "unit"}, Due.HAND_OVER),
        ({"collection": "post", "state": "made", "is_of_this_outlet": False}, Due.POST),
        ({"collection": "post", "is_of_this_outlet": False}, Due.ON_ITS_WAY),
        ({"state": "collected"}, Due.ACTIVATE),
        ({"state": "collected", "social_state": "active"}, Due.ACTIVATE),
        ({"state": "collected", "is_financially_active": True}, Due.NOTHING),
        ({"state": "collected", "is_pre_reported_lost": True}, Due.FOUND_OR_LOST),
        ({"state": "cancelled", "is_reported_lost": True}, Due.REPLACE),
        ({"state": "cancelled"}, Due.NOTHING),
        ({"state": "collected", "social_state": "ended"}, Due.NOTHING),
    ],
)
def test_the_one_thing_that_is_due(changes: dict[str, object], due: Due) -> None:
    facts = {name: getattr(AT_HAND, name) for name in AT_HAND.__dataclass_fields__} | changes
    assert due_for(CardAtDesk(**facts)) == due
