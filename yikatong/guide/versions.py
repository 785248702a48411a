"""Editing questions: every edit is a new version, residents see the published one, two editors never overwrite each other.

An edit names the version it began from. When another was made meanwhile it is refused with both texts, and the editor decides.
"""

from dataclasses import replace
from datetime import date, datetime

from django.db import connection, transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.guidance import TOPICS
from yikatong.foundation.errors import Refused, YikatongError
from yikatong.guide.models import Question, QuestionVersion
from yikatong.guide.rules import CODE, Reason, Wording, faults_of, tidy
from yikatong.guide.spelling import syllables


class BadWording(YikatongError):
    """Fields that must be put right; ``faults`` by field."""

    def __init__(self, faults: dict[str, Reason]) -> None:
        self.faults = faults
        super().__init__("、".join(f"{field}: {reason}" for field, reason in faults.items()))


class EditedMeanwhile(Refused[Reason]):
    """Another version was made since this edit began; ``theirs`` is the newest."""

    def __init__(self, theirs: QuestionVersion) -> None:
        self.theirs = theirs
        super().__init__(Reason.CONFLICT)


def add_version(question: Question, wording: Wording, *, by: Actor, at: datetime, note: str = "") -> QuestionVersion:
    """Store the next version and make it the head, inside the caller's transaction, which holds the question's lock."""
    phrases = [wording.title_zh, *wording.keywords.split("，")]
    version = QuestionVersion.objects.create(
        question=question,
        number=question.head_number + 1,
        title_zh=wording.title_zh,
        title_en=wording.title_en,
        answer_zh=wording.answer_zh,
        answer_en=wording.answer_en,
        keywords=wording.keywords,
        source=wording.source,
        pinyin="|".join(" ".join(syllables(phrase)) for phrase in phrases if phrase),
        made_by=str(by),
        made_at=at,
        note=note,
    )
    question.head_number, question.changed_at = version.number, at
    question.save(update_fields=["head_number", "changed_at"])
    return version


def add_question(code: str, topic: str, wording: Wording, *, by: Actor, at: datetime) -> Question:
    """A new question, not published yet. Raises ``BadWording`` or ``Refused``."""
    if not CODE.fullmatch(code) or topic not in TOPICS:
        raise Refused(Reason.CODE_INVALID)
    checked = _checked(wording)
    with transaction.atomic():
        last = Question.objects.order_by("-sort_order").values_list("sort_order", flat=True).first() or 0
        question, is_new = Question.objects.get_or_create(
            code=code,
            defaults={
                "topic": topic,
                "sort_order": last + 1,
                "head_number": 0,
                "is_from_city_data": False,
                "changed_at": at,
            },
        )
        if not is_new:
            raise Refused(Reason.CODE_TAKEN)
        version = add_version(question, checked, by=by, at=at)
        record("question.added", subject=f"question:{code}", by=by, at=at, version=version.number)
    return question


def edit_question(code: str, wording: Wording, *, began_from: int, by: Actor, at: datetime) -> QuestionVersion:
    """Add a version. Sending the same text again returns the head. Raises ``BadWording``, ``Refused``, ``EditedMeanwhile``."""
    checked = _checked(wording)
    with transaction.atomic():
        question, head = _locked(code)
        if Wording.of(head) == checked:
            return head
        if began_from != question.head_number:
            raise EditedMeanwhile(head)
        return _next_version(question, checked, by=by, at=at)


def publish_question(code: str, number: int, *, by: Actor, at: datetime) -> None:
    """Let residents see a version. Publishing what is published changes nothing. Raises ``Refused``, ``EditedMeanwhile``.

    Only the newest may be published, so that nobody publishes a text they have not seen; an earlier one is restored first.
    """
    with transaction.atomic():
        question, head = _locked(code)
        if number != head.number:
            raise EditedMeanwhile(head)
        if question.published_number != number:
            question.published_number, question.changed_at = number, at
            question.save(update_fields=["published_number", "changed_at"])
            record("question.published", subject=f"question:{code}", by=by, at=at, version=number)


def unpublish_question(code: str, *, by: Actor, at: datetime) -> None:
    """Take a question off the portal; its versions stay. Raises ``Refused``."""
    with transaction.atomic():
        question, _ = _locked(code)
        if question.published_number is not None:
            question.published_number, question.changed_at = None, at
            question.is_from_city_data = False  # a later data file must not bring it back
            question.save(update_fields=["published_number", "changed_at", "is_from_city_data"])
            record("question.unpublished", subject=f"question:{code}", by=by, at=at)


def restore_version(code: str, number: int, *, began_from: int, by: Actor, at: datetime) -> QuestionVersion:
    """Make an earlier wording the newest again, as a new version. Raises ``Refused``, ``EditedMeanwhile``."""
    with transaction.atomic():
        question, head = _locked(code)
        earlier = QuestionVersion.objects.filter(question=question, number=number).first()
        if earlier is None:
            raise Refused(Reason.UNKNOWN)
        if Wording.of(earlier) == Wording.of(head):
            return head
        if began_from != question.head_number:
            raise EditedMeanwhile(head)
        return _next_version(question, Wording.of(earlier), by=by, at=at, note=f"恢复第 {number} 版")


def count_helpfulness(code: str, *, is_helpful: bool, day: date) -> None:
    """One more opinion of a published answer. Counts only. Raises ``Refused`` for no such question."""
    question = Question.objects.filter(code=code, published_number__isnull=False).first()
    if question is None:
        raise Refused(Reason.UNKNOWN)
    yes, no = (1, 0) if is_helpful else (0, 1)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into guide_helpfulness (question_id, day, helpful, not_helpful) values (%s, %s, %s, %s) "
            "on conflict (question_id, day) do update set helpful = guide_helpfulness.helpful + excluded.helpful, "
            "not_helpful = guide_helpfulness.not_helpful + excluded.not_helpful",
            [question.pk, day, yes, no],
        )


def _locked(code: str) -> tuple[Question, QuestionVersion]:
    question = Question.objects.select_for_update().filter(code=code).first()
    if question is None:
        raise Refused(Reason.UNKNOWN)
    return question, QuestionVersion.objects.get(question=question, number=question.head_number)


def _next_version(question: Question, wording: Wording, *, by: Actor, at: datetime, note: str = "") -> QuestionVersion:
    """A version by staff: from now on a later data file leaves the question alone."""
    version = add_version(question, wording, by=by, at=at, note=note)
    if question.is_from_city_data:
        question.is_from_city_data = False
        question.save(update_fields=["is_from_city_data"])
    record("question.edited", subject=f"question:{question.code}", by=by, at=at, version=version.number, note=note)
    return version


def _checked(wording: Wording) -> Wording:
    tidied = replace(
        wording,
        title_zh=" ".join(wording.title_zh.split()),
        title_en=" ".join(wording.title_en.split()),
        answer_zh=tidy(wording.answer_zh),
        answer_en=tidy(wording.answer_en),
        keywords="，".join(filter(None, (word.strip() for word in wording.keywords.replace(",", "，").split("，")))),
        source=" ".join(wording.source.split()),
    )
    faults = faults_of(tidied)
    if faults:
        raise BadWording(faults)
    return tidied
