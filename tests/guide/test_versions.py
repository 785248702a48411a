"""Editing questions: versions, publishing, two editors, restoring, opinions, and the record of it all."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.guide.conftest import AT
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.guide.models import Helpfulness, Question, QuestionVersion
from yikatong.guide.rules import Reason, Wording
from yikatong.guide.selectors import answers
from yikatong.guide.versions import (
    BadWording,
    EditedMeanwhile,
    add_question,
    count_helpfulness,
    edit_question,
    publish_question,
    restore_version,
    unpublish_question,
)

pytestmark = pytest.mark.django_db
ANNA, BEN = Actor("staff", "anna"), Actor("staff", "ben")
FIRST = Wording("怎么办？", "What now?", "这样办。", "Like this.", "办", "test")
SECOND = replace(FIRST, answer_zh="那样办。")
LATER = AT + timedelta(minutes=5)


@pytest.fixture
def question() -> Question:
    return add_question("what_now", "use", FIRST, by=ANNA, at=AT)


def actions() -> list[str]:
    return list(
        AuditEvent.objects.filter(subject="question:what_now").order_by("event_id").values_list("action", flat=True)
    )


@pytest.mark.usefixtures("question")
def test_from_draft_to_published_and_off_again() -> None:
    assert "what_now" not in answers().by_code
    publish_question("what_now", 1, by=ANNA, at=AT)
    assert answers().by_code["what_now"].version.answer_zh == "这样办。"
    edit_question("what_now", SECOND, began_from=1, by=BEN, at=LATER)
    assert answers().by_code["what_now"].version.answer_zh == "这样办。", "an edit is not seen before it is published"
    publish_question("what_now", 2, by=BEN, at=LATER)
    publish_question("what_now", 2, by=BEN, at=LATER)
    assert answers().by_code["what_now"].version.answer_zh == "那样办。"
    unpublish_question("what_now", by=ANNA, at=LATER + timedelta(seconds=1))
    unpublish_question("what_now", by=ANNA, at=LATER + timedelta(seconds=2))
    assert "what_now" not in answers().by_code
    assert actions() == [
        "question.added",
        "question.published",
        "question.edited",
        "question.published",
        "question.unpublished",
    ]


@pytest.mark.usefixtures("question")
def test_two_editors_do_not_overwrite_each_other() -> None:
    edit_question("what_now", SECOND, began_from=1, by=ANNA, at=LATER)
    third = replace(FIRST, answer_zh="第三种。")
    with pytest.raises(EditedMeanwhile) as refused:
        edit_question("what_now", third, began_from=1, by=BEN, at=LATER)
    assert (refused.value.theirs.number, refused.value.theirs.answer_zh) == (2, "那样办。")
    with pytest.raises(EditedMeanwhile):
        publish_question("what_now", 1, by=BEN, at=LATER)
    edit_question("what_now", third, began_from=2, by=BEN, at=LATER)
    assert QuestionVersion.objects.count() == 3


@pytest.mark.usefixtures("question")
def test_sending_an_edit_twice_makes_one_version() -> None:
    first = edit_question("what_now", SECOND, began_from=1, by=ANNA, at=LATER)
    assert edit_question("what_now", SECOND, began_from=1, by=ANNA, at=LATER) == first
    assert QuestionVersion.objects.count() == 2


@pytest.mark.usefixtures("question")
def test_an_earlier_wording_is_restored_as_a_new_version() -> None:
    edit_question("what_now", SECOND, began_from=1, by=ANNA, at=LATER)
    with pytest.raises(EditedMeanwhile):
        restore_version("what_now", 1, began_from=1, by=BEN, at=LATER)
    restored = restore_version("what_now", 1, began_from=2, by=BEN, at=LATER)
    assert (restored.number, restored.answer_zh, restored.made_by) == (3, "这样办。", "staff:ben")
    assert restore_version("what_now", 1, began_from=3, by=BEN, at=LATER) == restored, "it is so already"
    with pytest.raises(Refused) as refused:
        restore_version("what_now", 9, began_from=3, by=BEN, at=LATER)
    assert refused.value.reason == Reason.UNKNOWN


@pytest.mark.usefixtures("question")
def test_bad_wordings_change_nothing() -> None:
    with pytest.raises(BadWording) as refused:
        edit_question("what_now", replace(FIRST, title_en=" ", answer_zh="[x](//y)"), began_from=1, by=ANNA, at=LATER)
    assert refused.value.faults == {"title_en": Reason.MISSING, "answer_zh": Reason.UNSAFE_LINK}
    assert QuestionVersion.objects.count() == 1


@pytest.mark.parametrize(("code", "topic"), [("What", "use"), ("x", "use"), ("fine_code", "nonsense"), ("a b", "use")])
def test_codes_and_topics(code: str, topic: str) -> None:
    with pytest.raises(Refused) as refused:
        add_question(code, topic, FIRST, by=ANNA, at=AT)
    assert refused.value.reason == Reason.CODE_INVALID


@pytest.mark.usefixtures("question")
def test_a_code_is_taken_once() -> None:
    with pytest.raises(Refused) as refused:
        add_question("what_now", "use", SECOND, by=BEN, at=AT)
    assert refused.value.reason == Reason.CODE_TAKEN


def test_unknown_questions() -> None:
    for attempt in (
        lambda: edit_question("none", FIRST, began_from=1, by=ANNA, at=AT),
        lambda: publish_question("none", 1, by=ANNA, at=AT),
        lambda: unpublish_question("none", by=ANNA, at=AT),
        lambda: count_helpfulness("none", is_helpful=True, day=date(2026, 11, 23)),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.reason == Reason.UNKNOWN


@pytest.mark.usefixtures("question")
def test_opinions_are_counted_by_day() -> None:
    publish_question("what_now", 1, by=ANNA, at=AT)
    for is_helpful in (True, True, False):
        count_helpfulness("what_now", is_helpful=is_helpful, day=date(2026, 11, 23))
    count_helpfulness("what_now", is_helpful=False, day=date(2026, 11, 24))
    assert list(Helpfulness.objects.order_by("day").values_list("helpful", "not_helpful")) == [(2, 1), (0, 1)]


def test_keywords_are_made_one_list() -> None:
    add_question("listed", "use", replace(FIRST, keywords=" 甲, 乙 ，，丙"), by=ANNA, at=AT)
    version = QuestionVersion.objects.get(question__code="listed")
    assert version.keywords == "甲，乙，丙"
    assert version.pinyin.split("|")[1:] == ["jia", "yi", "bing"]
