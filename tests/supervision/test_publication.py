"""What the public sees of a month: counts under 10 never, nor what would tell one, and nothing computed from a hidden count."""

from datetime import date
from itertools import product

import pytest

from tests.cast import make_bank
from yikatong.supervision.models import DailyFigure, DailyPosition, DailyWait, FigureDay
from yikatong.supervision.publication import METRICS, Part, PublicReport, parts_of, public_report, published_months
from yikatong.supervision.rules import Verdict
from yikatong.supervision.suppression import PUBLISHED_MIN, Hidden

OCTOBER, TODAY = date(2026, 10, 1), date(2026, 11, 2)
BANKS = ("ABC", "BOC", "ICBC")
CHOSEN = {
    ("ABC", "110101"): 4,
    ("BOC", "110101"): 150,
    ("ICBC", "110101"): 120,
    ("ABC", "110105"): 90,
    ("BOC", "110105"): 60,
    ("ICBC", "110105"): 80,
}
pytestmark = pytest.mark.django_db


def figure(bank: str, district: str, chosen: int, *, category: str = "flexible", day: date = OCTOBER) -> None:
    DailyFigure.objects.create(
        day=day,
        bank_code=bank,
        district_code=district,
        category=category,
        channel="web",
        shown=200,
        position_sum=400,
        shown_first=70,
        chosen=chosen,
        withdrawn=0,
        made=chosen,
        completed=chosen,
    )
    DailyWait.objects.create(
        day=day,
        bank_code=bank,
        district_code=district,
        category=category,
        channel="web",
        kind="made",
        days=7,
        people=chosen,
    )


def position(district: str, place: int, chosen: int, *, offered: int = 3) -> None:
    DailyPosition.objects.create(
        day=OCTOBER,
        district_code=district,
        category="flexible",
        channel="web",
        offered=offered,
        position=place,
        shown=300,
        chosen=chosen,
    )


@pytest.fixture(autouse=True)
def _october(db: None) -> None:
    for code in BANKS:
        make_bank(code)
    for day in (OCTOBER, date(2026, 11, 1)):
        FigureDay.objects.create(day=day, computed_at="2026-11-02T00:00Z")
    for (bank, district), chosen in CHOSEN.items():
        figure(bank, district, chosen)


def chosen(report: PublicReport) -> dict[str, int | Hidden]:
    return {bank.code: bank.chosen for bank in report.banks}


def test_only_months_that_are_over_are_published() -> None:
    assert published_months(TODAY) == [OCTOBER]
    assert published_months(date(2026, 10, 31)) == []
    assert published_months(date(2026, 12, 1)) == [date(2026, 11, 1), OCTOBER]


def test_parts_are_those_with_figures() -> None:
    assert [str(part) for part in parts_of(OCTOBER)] == [
        "district:110101",
        "district:110105",
        "category:flexible",
        "channel:web",
    ]


@pytest.mark.parametrize("text", ["district", "district:", "bank:ABC", ":x"])
def test_what_is_no_part(text: str) -> None:
    assert Part.parse(text) is None


def test_the_whole_city_hides_nothing_that_is_large() -> None:
    report = public_report(OCTOBER, Part())
    assert chosen(report) == {"ABC": 94, "BOC": 210, "ICBC": 200}
    assert report.totals["chosen"] == 504
    assert report.is_concentration_exact
    assert {bank.made_median for bank in report.banks} == {7}
    assert report.missing_days == 30


def test_a_small_count_cannot_be_computed_from_its_neighbours() -> None:
    """ABC's 4 in one district would be its 94 in the city less 90 in the other, and 274 there less 150 and 120."""
    one, other = (public_report(OCTOBER, Part("district", code)) for code in ("110101", "110105"))
    assert chosen(one)["ABC"] is Hidden.FEW
    assert chosen(other)["ABC"] is Hidden.PROTECTING, "the column"
    assert Hidden.PROTECTING in {chosen(one)["BOC"], chosen(one)["ICBC"]}, "the row"
    hidden = next(bank for bank in one.banks if bank.code == "ABC")
    assert (hidden.share, hidden.made_median) == (None, None)
    assert not one.is_concentration_exact


def test_no_small_count_is_published_in_any_part() -> None:
    figure("ABC", "110106", 0)
    figure("BOC", "110106", 9, category="retiree")
    figure("ICBC", "110106", 31, category="student")
    for part, metric in product([Part(), *parts_of(OCTOBER)], METRICS):
        report = public_report(OCTOBER, part)
        for bank in report.banks:
            count = getattr(bank, metric)
            assert isinstance(count, Hidden) or count >= PUBLISHED_MIN, f"{part} {bank.code} {metric}"
            assert bank.share is None or not isinstance(bank.chosen, Hidden)
        total = report.totals[metric]
        assert isinstance(total, Hidden) or total >= PUBLISHED_MIN
        if not part.dimension:
            assert all(bank.complaints is Hidden.FEW for bank in report.banks)


def test_figures_computed_again_are_published_anew() -> None:
    assert chosen(public_report(OCTOBER, Part()))["ABC"] == 94
    DailyFigure.objects.filter(bank_code="ABC", district_code="110105").update(chosen=91)
    FigureDay.objects.filter(day=OCTOBER).update(computed_at="2026-11-02T01:00Z")
    assert chosen(public_report(OCTOBER, Part()))["ABC"] == 95


def test_positions_of_the_most_common_list() -> None:
    for place, count in ((1, 60), (2, 50), (3, 52)):
        position("110101", place, count)
    for place, count in ((1, 20), (2, 3)):
        position("110105", place, count, offered=2)
    report = public_report(OCTOBER, Part())
    assert report.list_length == 3
    assert [(row.position, row.chosen) for row in report.positions] == [(1, 60), (2, 50), (3, 52)]
    assert report.expected_share == pytest.approx(100 / 3)
    assert report.test is not None
    assert (report.test.verdict, report.test.people, report.is_test_exact) == (Verdict.INDEPENDENT, 162, True)
    assert public_report(OCTOBER, Part("district", "110101")).positions == [], "districts would add up to the city"


def test_a_small_position_is_hidden_with_another() -> None:
    for place, count in ((1, 4), (2, 50), (3, 52)):
        position("110101", place, count)
    report = public_report(OCTOBER, Part())
    assert [row.chosen for row in report.positions] == [Hidden.FEW, Hidden.PROTECTING, 52]
    assert report.positions[0].share is None
    assert not report.is_test_exact


def test_a_few_choices_are_not_tested() -> None:
    for place in (1, 2, 3):
        position("110101", place, 4)
    report = public_report(OCTOBER, Part())
    assert report.positions == []
    assert report.test is not None
    assert report.test.verdict is Verdict.TOO_FEW
    DailyPosition.objects.update(chosen=1)
    assert public_report(OCTOBER, Part()).test is None, "three people are too few to be told of"


def test_a_month_of_nobody() -> None:
    DailyFigure.objects.all().delete()
    FigureDay.objects.update(computed_at="2026-11-02T02:00Z")
    report = public_report(OCTOBER, Part())
    assert set(chosen(report).values()) == {Hidden.FEW}
    assert report.concentration is None
    assert report.test is None
