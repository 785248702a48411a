"""Questions from the city's data file into the table, without ever overwriting what staff wrote."""

from collections.abc import Sequence
from datetime import datetime

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.guidance import Question as CityQuestion
from yikatong.guide.models import Question, QuestionVersion
from yikatong.guide.rules import Wording
from yikatong.guide.versions import add_version

SEEDER = Actor.system("city-loader")
_STEP = 10  # room between two questions for one that staff add


def seed_questions(entries: Sequence[CityQuestion], *, at: datetime) -> int:
    """Add what is new, version what changed and is still the file's own; how many questions the file holds.

    Runs inside the loader's transaction. A question the file no longer holds stays: staff unpublish it.
    """
    newest: dict[str, CityQuestion] = {}
    for entry in entries:
        before = newest.get(entry.code)
        if before is None or entry.effective_from >= before.effective_from:
            newest[entry.code] = entry
    known = {question.code: question for question in Question.objects.select_for_update()}
    heads = {
        version.question_id: version
        for question in known.values()
        for version in QuestionVersion.objects.filter(question=question, number=question.head_number)
    }
    for place, (code, entry) in enumerate(newest.items(), start=1):
        wording = wording_of(entry)
        question = known.get(code)
        if question is None:
            question = Question(code=code, topic=entry.topic, sort_order=place * _STEP, is_from_city_data=True)
            question.head_number, question.changed_at = 0, at
            question.save()
        elif not question.is_from_city_data or Wording.of(heads[question.pk]) == wording:
            continue
        version = add_version(question, wording, by=SEEDER, at=at, note="城市数据")
        question.published_number = version.number
        question.save(update_fields=["published_number"])
        subject = f"question:{code}"
        record("question.seeded", subject=subject, by=SEEDER, at=at, version=version.number)
    return len(newest)


def wording_of(entry: CityQuestion) -> Wording:
    """An entry of the data file as a wording."""
    return Wording(
        title_zh=entry.title_zh,
        title_en=entry.title_en,
        answer_zh=entry.answer_zh.strip(),
        answer_en=entry.answer_en.strip(),
        keywords="，".join(entry.keywords),
        source=entry.source,
    )
