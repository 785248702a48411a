"""Reading for pages: the spots in memory, the published questions in memory, versions and counts for staff.

Both indexes are kept per process and rebuilt when the data changed: spots when the city's loader wrote (looked for at most
every few seconds), questions at once, since their newest change costs one small query.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db.models import Count, F, Max, Sum
from numpy.typing import NDArray

from yikatong.city.folder import CITY_DATA
from yikatong.city.models import MetroLine, MetroStop
from yikatong.city.stamp import LOOKED_EVERY_S, loaded_stamp
from yikatong.guide.coordinates import Point
from yikatong.guide.districts import DistrictMap, read_district_map
from yikatong.guide.models import Helpfulness, Question, QuestionVersion, Spot
from yikatong.guide.search import Document, QuestionSearch
from yikatong.guide.spots import Found, SpotIndex
from yikatong.queries.kept import Kept

_COLUMNS = tuple(Found.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A published question as residents see it."""

    code: str
    topic: str
    number: int
    version: QuestionVersion

    @property
    def is_unverified(self) -> bool:
        """Whether part of it was not seen in a source."""
        return "assumption" in self.version.source


@dataclass(frozen=True, slots=True)
class Answers:
    """All published questions in their order, and the search over them."""

    by_code: Mapping[str, Answer]
    search: QuestionSearch


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a metro line all of whose stations have coordinates: rows of longitude and latitude."""

    line: str
    colour: str
    stops: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CityMap:
    """What a map shows under the places: district outlines and the metro."""

    districts: DistrictMap
    lines: tuple[Stretch, ...]
    stations: tuple[tuple[str, Point], ...]


def _build_spots() -> SpotIndex:
    rows = Spot.objects.order_by("spot_id").values_list(*_COLUMNS).iterator(chunk_size=4000)
    return SpotIndex([Found(*row) for row in rows])


def _questions_stamp() -> object:
    """Every edit, publication and withdrawal changes one of these, even two within one moment."""
    return Question.objects.aggregate(
        Max("changed_at"), Sum("head_number"), Sum("published_number"), Count("question_id"), Count("published_number")
    )


def _build_answers() -> Answers:
    found: dict[str, Answer] = {}
    documents = []
    published = QuestionVersion.objects.filter(number=F("question__published_number")).select_related("question")
    for version in published.order_by("question__sort_order", "question__code"):
        question = version.question
        found[question.code] = Answer(question.code, question.topic, version.number, version)
        documents.append(
            Document(
                question.code,
                version.title_zh,
                version.title_en,
                tuple(word for word in version.keywords.split("，") if word),
                version.answer_zh,
                version.answer_en,
                version.pinyin,
            )
        )
    return Answers(found, QuestionSearch(documents))


def _build_map() -> CityMap:
    places = {
        name: (lng or 0.0, lat or 0.0)
        for name, lng, lat in Spot.objects.filter(category="metro_station", lng__isnull=False).values_list(
            "name", "lng", "lat"
        )
    }
    colours = dict(MetroLine.objects.values_list("name", "colour"))
    loops = set(MetroLine.objects.filter(is_loop=True).values_list("name", flat=True))
    stations: dict[str, list[str]] = {}
    for line, station in MetroStop.objects.order_by("line_id", "sequence").values_list("line_id", "station"):
        stations.setdefault(line, []).append(station)
    stretches = []
    for line, names in stations.items():
        run: list[tuple[float, float]] = []
        for name in [*names, *(names[:1] if line in loops else [])]:
            if name in places:
                run.append(places[name])
                continue
            if len(run) > 1:
                stretches.append(Stretch(line, colours[line], np.array(run)))
            run = []
        if len(run) > 1:
            stretches.append(Stretch(line, colours[line], np.array(run)))
    named = tuple((name, Point(*place)) for name, place in sorted(places.items()))
    return CityMap(read_district_map(CITY_DATA), tuple(stretches), named)


_spots = Kept(loaded_stamp, _build_spots, every_s=LOOKED_EVERY_S)
_city_map = Kept(loaded_stamp, _build_map, every_s=LOOKED_EVERY_S)
_answers = Kept(_questions_stamp, _build_answers, every_s=0.0)


def spots() -> SpotIndex:
    """Every spot of the city."""
    return _spots.get()


def city_map() -> CityMap:
    """What maps show under the places."""
    return _city_map.get()


def answers() -> Answers:
    """The published questions."""
    return _answers.get()


@dataclass(frozen=True, slots=True)
class Listed:
    """A question in the staff's list."""

    question: Question
    head: QuestionVersion
    helpful: int
    not_helpful: int

    @property
    def has_draft(self) -> bool:
        """Whether the newest text is not what residents see."""
        return self.question.published_number != self.question.head_number


def listed_questions(topic: str = "", state: str = "") -> list[Listed]:
    """All questions in their order, with the newest version and the opinions so far."""
    opinions = {
        row["question"]: (row["yes"], row["no"])
        for row in Helpfulness.objects.values("question").annotate(yes=Sum("helpful"), no=Sum("not_helpful"))
    }
    questions = Question.objects.order_by("sort_order", "code")
    if topic:
        questions = questions.filter(topic=topic)
    heads = {
        (version.question_id, version.number): version
        for version in QuestionVersion.objects.filter(question__in=questions)
    }
    listed = [
        Listed(question, heads[question.pk, question.head_number], *opinions.get(question.pk, (0, 0)))
        for question in questions
    ]
    if state == "draft":
        return [each for each in listed if each.has_draft]
    if state == "published":
        return [each for each in listed if each.question.published_number is not None]
    return listed


def versions_of(code: str) -> tuple[Question, list[QuestionVersion]] | None:
    """A question with all its versions, the newest first."""
    question = Question.objects.filter(code=code).first()
    return (question, list(question.versions.order_by("-number"))) if question else None


def opinions_of(code: str) -> list[tuple[date, int, int]]:
    """Helpful and not, by day, the newest first."""
    return list(
        Helpfulness.objects.filter(question__code=code)
        .order_by("-day")
        .values_list("day", "helpful", "not_helpful")[:90]
    )
