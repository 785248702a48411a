"""Spots and questions from the city's data: all of them, in one system of coordinates, and never over what staff wrote."""

import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.guide.conftest import AT
from yikatong.audit.actors import Actor
from yikatong.city.folder import BEIJING
from yikatong.city.loader import load_city
from yikatong.city.models import Place
from yikatong.guide.coordinates import Point, distance_m
from yikatong.guide.models import Question, QuestionVersion, Spot
from yikatong.guide.rules import Wording
from yikatong.guide.selectors import answers
from yikatong.guide.versions import edit_question, unpublish_question

pytestmark = [pytest.mark.usefixtures("city"), pytest.mark.django_db]
EDITOR = Actor("staff", "editor")


def changed_copy(tmp_path: Path, old: str, new: str) -> Path:
    """Beijing's folder with one text of the questions changed."""
    folder = Path(shutil.copytree(BEIJING, tmp_path / "city"))
    path = folder / "rules/questions.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def test_every_place_and_division_is_a_spot() -> None:
    assert Counter(Spot.objects.values_list("category", flat=True)) == {
        "metro_station": 425,
        "hospital": 551 + 203 + 188,
        "clinic": 1632 + 1482 + 223,
        "park": 22,
        "library": 29,
        "outlet": 3000,
        "district": 16,
        "street": 349,
        "community": 7535,
    }
    assert Spot.objects.filter(category="metro_station", lng__isnull=False).count() == 366


def test_coordinates_are_brought_to_one_system() -> None:
    park, given = Spot.objects.get(name="天坛公园"), Place.objects.get(name="天坛公园")
    assert (park.datum, park.is_datum_assumed) == ("GCJ-02", True)
    assert 300 < distance_m(Point(park.lng or 0, park.lat or 0), Point(given.lng or 0, given.lat or 0)) < 800
    station = Spot.objects.get(spot_id="metro:天坛东门")
    assert (station.datum, station.is_datum_assumed) == ("WGS-84", False)
    assert distance_m(Point(park.lng or 0, park.lat or 0), Point(station.lng or 0, station.lat or 0)) < 1500


def test_hospitals_whose_names_differ_are_placed_by_their_code() -> None:
    assert Spot.objects.filter(category="hospital", lng__isnull=False).count() == 41
    hospital = Spot.objects.get(name="首都医科大学附属北京同仁医院")
    station = Spot.objects.get(spot_id="metro:崇文门")
    assert distance_m(Point(hospital.lng or 0, hospital.lat or 0), Point(station.lng or 0, station.lat or 0)) < 600


def test_every_spot_says_where_it_comes_from() -> None:
    assert not Spot.objects.filter(source="").exists()
    assert Spot.objects.filter(is_synthetic=True).exclude(name__startswith="（虚构）").count() == 0
    assert Spot.objects.get(name="国贸").pinyin == "guo mao"


def test_questions_are_published_and_loading_again_changes_nothing() -> None:
    assert len(answers().by_code) == Question.objects.count() >= 60
    assert load_city(BEIJING, at=AT).changed_nothing
    assert QuestionVersion.objects.count() == Question.objects.count()


def test_a_changed_file_makes_a_new_version(tmp_path: Path) -> None:
    folder = changed_copy(tmp_path, "换卡自愿。不换的", "换卡自愿。不想换的")
    assert dict(load_city(folder, at=AT).written) == {"guide_questions": Question.objects.count()}
    question = Question.objects.get(code="must_exchange")
    assert (question.head_number, question.published_number) == (2, 2)
    assert "不想换的" in answers().by_code["must_exchange"].version.answer_zh
    assert Question.objects.exclude(code="must_exchange").filter(head_number__gt=1).count() == 0


def test_what_staff_wrote_is_left_alone(tmp_path: Path) -> None:
    head = QuestionVersion.objects.get(question__code="must_exchange")
    later = AT + timedelta(hours=1)
    edit_question("must_exchange", replace(Wording.of(head), answer_zh="我们写的。"), began_from=1, by=EDITOR, at=later)
    unpublish_question("fee", by=EDITOR, at=later)
    load_city(changed_copy(tmp_path, "换卡自愿。不换的", "换卡自愿。不想换的"), at=later)
    assert QuestionVersion.objects.get(question__code="must_exchange", number=2).answer_zh == "我们写的。"
    assert Question.objects.get(code="must_exchange").head_number == 2
    assert Question.objects.get(code="fee").published_number is None
