"""The figures of a day against what really happened, through the services that applicants and clerks use."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from django.db import ProgrammingError, connection, transaction

from tests.cast import CLERK, NOON, make_bank, make_person
from tests.supervision.makers import applied, collected, made, shown
from yikatong.applications.services import cancel
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.registry.models import Person
from yikatong.supervision.cli import supervision
from yikatong.supervision.daily import compute_day, compute_due, days_due
from yikatong.supervision.models import BankOffer, DailyCapacity, DailyFigure, DailyPosition, DailyWait, FigureDay
from yikatong.supervision.rules import Level, Verdict
from yikatong.supervision.selectors import BankFigures, Filters, report_of

MONDAY, TUESDAY = date(2026, 11, 2), date(2026, 11, 3)
DAY = timedelta(days=1)
BANKS = ("ABC", "BOC", "ICBC")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _banks(db: None) -> None:
    for code in BANKS:
        make_bank(code)


def by_code(filters: Filters) -> dict[str, BankFigures]:
    return {bank.code: bank for bank in report_of(filters).banks}


def monday(**part: str) -> dict[str, BankFigures]:
    return by_code(Filters(MONDAY, MONDAY, **part))


def everything() -> list[tuple[Any, ...]]:
    """All rows of the daily tables."""
    models = (DailyFigure, DailyPosition, DailyWait, DailyCapacity)
    return [row for model in models for row in sorted(model._default_manager.values_list())]


# --- what was offered ---


def test_the_first_showing_of_a_day_counts() -> None:
    person = make_person(1)
    shown(person, ["BOC", "ICBC"], at=NOON)
    shown(person, ["ABC", "BOC"], at=NOON + timedelta(hours=1))
    shown(person, ["ICBC", "BOC"], at=NOON + DAY)
    shown(make_person(2), [], at=NOON)
    assert list(BankOffer.objects.order_by("day").values_list("day", "bank_codes")) == [
        (MONDAY, ["BOC", "ICBC"]),
        (TUESDAY, ["ICBC", "BOC"]),
    ]


@pytest.mark.parametrize(
    "change", ["update supervision_bank_offer set bank_codes = '{}'", "delete from supervision_bank_offer"]
)
def test_what_was_offered_cannot_be_changed(change: str) -> None:
    shown(make_person(1), BANKS, at=NOON)
    with (
        pytest.raises(ProgrammingError, match="append-only") as refused,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    assert isinstance(refused.value.__cause__, psycopg.errors.RaiseException)


# --- a day ---


def test_a_day_told_by_bank() -> None:
    one, two, three = make_person(1), make_person(2), make_person(3)
    shown(one, ["ICBC", "ABC", "BOC"], at=NOON)
    shown(two, ["BOC", "ICBC", "ABC"], at=NOON)
    shown(three, ["BOC", "ICBC"], at=NOON)
    collected(made(applied(one, "ICBC", at=NOON), at=NOON + 4 * DAY), at=NOON + 9 * DAY)
    made(applied(two, "ICBC", at=NOON), at=NOON + 2 * DAY)
    application = applied(three, "BOC", at=NOON)
    cancel(three.person_id, application.application_id, by=CLERK, at=NOON)
    compute_day(MONDAY, at=NOON + 10 * DAY)
    found = monday()
    icbc, boc, abc = found["ICBC"], found["BOC"], found["ABC"]
    assert list(found) == sorted(found), "by code, not by size"
    assert (icbc.shown, icbc.mean_position, icbc.shown_first) == (3, 5 / 3, 1)
    assert (icbc.chosen, icbc.made, icbc.completed, icbc.withdrawn) == (2, 2, 1, 0)
    assert (icbc.made_days, icbc.collected_days) == ({2: 1, 4: 1}, {9: 1})
    assert (icbc.made_median, icbc.made_slow, icbc.collected_median, icbc.collected_slow) == (2, 4, 9, 9)
    assert (boc.shown, boc.shown_first, boc.chosen, boc.withdrawn, boc.made) == (3, 2, 1, 1, 0)
    assert (abc.shown, abc.mean_position, abc.chosen, abc.share, abc.made_median) == (2, 2.5, 0, 0, None)
    assert icbc.share == pytest.approx(200 / 3)
    assert icbc.chosen_when_shown == pytest.approx(200 / 3)
    assert FigureDay.objects.get().open_applications == 1


def test_the_position_is_that_in_the_list_really_offered() -> None:
    """Three banks were drawn before these two; who may choose only two of them chose from a list of two."""
    people = [make_person(number) for number in range(4)]
    for person in people[:3]:
        shown(person, ["BOC", "ICBC"], at=NOON)
    shown(people[3], ["ICBC", "BOC", "ABC"], at=NOON)
    applied(people[0], "ICBC", at=NOON)
    applied(people[1], "BOC", at=NOON)
    applied(people[3], "ABC", at=NOON)
    compute_day(MONDAY, at=NOON)
    rows = DailyPosition.objects.order_by("offered", "position").values_list("offered", "position", "shown", "chosen")
    assert list(rows) == [(2, 1, 3, 1), (2, 2, 3, 1), (3, 1, 1, 0), (3, 2, 1, 0), (3, 3, 1, 1)]
    report = report_of(Filters(MONDAY, MONDAY))
    assert [(row.position, row.shown, row.chosen) for row in report.positions] == [(1, 4, 1), (2, 4, 1), (3, 1, 1)]
    assert report.test.verdict is Verdict.TOO_FEW
    assert report.concentration is not None
    assert report.concentration.level is Level.HIGH


def at_beijing(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


@pytest.mark.parametrize(
    ("seen", "submitted", "position"),
    [
        ([(2, ["ABC", "BOC"], 23)], at_beijing(3, 0, 5), 2),  # opened before midnight, submitted after
        ([(1, ["BOC", "ABC"], 12), (2, ["ABC", "BOC"], 12)], at_beijing(2, 13), 2),  # the last list counts
        ([(2, ["ABC", "BOC"], 14)], at_beijing(2, 13), None),  # seen only afterwards
        ([(1, ["ABC", "BOC"], 12)], at_beijing(3, 12), None),  # two days ago
        ([(2, ["ABC", "ICBC"], 12)], at_beijing(2, 13), None),  # its bank was not in the list
        ([], at_beijing(2, 13), None),  # at a counter, without a list
    ],
)
def test_which_list_an_application_belongs_to(
    seen: list[tuple[int, list[str], int]], submitted: datetime, position: int | None
) -> None:
    person = make_person(1)
    for day, banks, hour in seen:
        shown(person, banks, at=at_beijing(day, hour))
    applied(person, "BOC", at=submitted)
    compute_day(beijing_day(submitted), at=submitted)
    found = list(DailyPosition.objects.filter(chosen__gt=0).values_list("position", flat=True))
    assert found == ([position] if position else [])
    assert sum(DailyFigure.objects.values_list("chosen", flat=True)) == 1, "it is an application all the same"


@pytest.mark.parametrize(
    ("at", "day"), [(at_beijing(2, 0), MONDAY), (at_beijing(2, 23, 59), MONDAY), (at_beijing(3, 0), TUESDAY)]
)
def test_a_day_begins_at_midnight_in_beijing(at: datetime, day: date) -> None:
    applied(make_person(1), "ICBC", at=at)
    for each in (MONDAY, TUESDAY):
        compute_day(each, at=at)
    assert list(DailyFigure.objects.filter(chosen=1).values_list("day", flat=True)) == [day]


def test_districts_groups_and_channels_are_told_apart_and_add_up() -> None:
    east, chaoyang = make_person(1), make_person(2, category="retiree")
    Person.objects.filter(person_id=chaoyang.person_id).update(community_code="110105001001")
    chaoyang.refresh_from_db()
    shown(east, BANKS, at=NOON)
    applied(east, "ICBC", at=NOON)
    applied(chaoyang, "BOC", at=NOON, channel="outlet", acting_person_id=None)
    compute_day(MONDAY, at=NOON)

    def chosen(**part: str) -> dict[str, int]:
        return {code: bank.chosen for code, bank in monday(**part).items() if bank.chosen}

    assert chosen() == {"ICBC": 1, "BOC": 1}
    assert chosen(district_code="110101") == chosen(category="flexible") == chosen(channel="web") == {"ICBC": 1}
    assert chosen(district_code="110105") == chosen(category="retiree") == chosen(channel="outlet") == {"BOC": 1}
    assert chosen(district_code="110105", category="flexible") == {}
    assert monday(channel="outlet")["ICBC"].shown == 0


def test_capacity_is_windows_times_cards_on_working_days() -> None:
    """One window a bank here, forty cards a window and working day (rules/campaign.toml); Sunday none."""
    for back in range(3):
        compute_day(MONDAY - back * DAY, at=NOON)
    assert monday()["ICBC"].capacity == 40
    assert by_code(Filters(MONDAY - 2 * DAY, MONDAY))["ICBC"].capacity == 40
    assert monday(district_code="110101")["ICBC"].capacity == 40
    assert monday(district_code="110105")["ICBC"].capacity == 0
    applied(make_person(1), "ICBC", at=NOON)
    compute_day(MONDAY, at=NOON)
    assert monday()["ICBC"].load == pytest.approx(2.5)
    compute_day(date(2024, 1, 2), at=NOON)  # before there were rules
    assert by_code(Filters(date(2024, 1, 2), date(2024, 1, 2))) == {}


def test_a_later_window_does_not_change_past_capacity() -> None:
    compute_day(MONDAY, at=NOON)
    outlet = make_bank("ICBC")
    outlet.windows = 5
    outlet.save()
    compute_day(MONDAY, at=NOON + DAY)
    compute_day(TUESDAY, at=NOON + DAY)
    assert monday()["ICBC"].capacity == 40
    assert by_code(Filters(TUESDAY, TUESDAY))["ICBC"].capacity == 200


def test_computing_again_changes_nothing() -> None:
    for number in range(5):
        person = make_person(number)
        shown(person, BANKS, at=NOON)
        applied(person, BANKS[number % 3], at=NOON)
    compute_day(MONDAY, at=NOON)
    before = everything()
    compute_day(MONDAY, at=NOON + DAY)
    assert everything() == before
    assert len(before) == 3 + 3 + 3, "three banks, three positions, three capacities; no card was made"


# --- which days are due ---


def test_a_card_collected_later_is_taken_in() -> None:
    application = applied(make_person(1), "ICBC", at=NOON)
    assert compute_due(at=NOON) == [MONDAY]
    card = made(application, at=NOON + 5 * DAY)
    collected(card, at=NOON + 20 * DAY)
    assert monday()["ICBC"].completed == 0
    assert MONDAY in compute_due(at=NOON + 21 * DAY)
    assert (monday()["ICBC"].completed, monday()["ICBC"].collected_days) == (1, {20: 1})
    assert MONDAY not in days_due(at=NOON + 22 * DAY), "nothing of that day is open any more"


def test_days_that_are_due() -> None:
    applied(make_person(1), "ICBC", at=NOON)
    later = NOON + 3 * DAY
    assert days_due(at=later) == [MONDAY + ahead * DAY for ahead in range(4)], "none was computed yet"
    compute_due(at=later)
    hour = timedelta(hours=1)
    assert days_due(at=later + hour) == [MONDAY + 2 * DAY, MONDAY + 3 * DAY], "an open day was computed today"
    assert days_due(at=later + DAY) == [MONDAY, MONDAY + 3 * DAY, MONDAY + 4 * DAY]


def test_a_day_computed_by_hand_does_not_hide_those_before_it() -> None:
    applied(make_person(1), "ICBC", at=NOON)
    compute_day(TUESDAY, at=NOON + DAY)
    assert days_due(at=NOON + DAY) == [MONDAY, TUESDAY]


def test_without_anything_nothing_is_due() -> None:
    assert days_due(at=NOON) == compute_due(at=NOON) == []
    report = report_of(Filters(MONDAY, TUESDAY))
    assert (report.missing_days, report.computed_at, report.concentration) == (2, None, None)
    assert report.test.verdict is Verdict.NO_CHOICES
    assert dataclasses.astuple(report)[3] == []


def test_one_day_that_fails_does_not_keep_the_others() -> None:
    """The table is made to refuse the rows of one day."""
    applied(make_person(1), "ICBC", at=NOON)
    applied(make_person(2), "ICBC", at=NOON + DAY)
    with connection.cursor() as cursor:
        cursor.execute("alter table supervision_daily_figure add constraint no_monday check (day <> '2026-11-02')")
    with pytest.raises(ExceptionGroup) as failed:
        compute_due(at=NOON + DAY)
    assert len(failed.value.exceptions) == 1
    assert "2026-11-02" in failed.value.exceptions[0].__notes__[0]
    assert by_code(Filters(TUESDAY, TUESDAY))["ICBC"].chosen == 1


# --- the command ---


def test_the_command_computes_what_is_due_or_one_day() -> None:
    yesterday = utc_now() - DAY
    person = make_person(1)
    shown(person, BANKS, at=yesterday)
    applied(person, "ICBC", at=yesterday)
    done = CliRunner().invoke(supervision, ["figures"])
    assert done.exit_code == 0, done.output
    assert f"{beijing_day(yesterday)} 3 shown, 1 chosen, 0 made, 0 completed (3 rows)" in done.output
    assert "2 days computed" in done.output
    one = CliRunner().invoke(supervision, ["figures", "--day", str(beijing_day(yesterday))])
    assert "1 days computed" in one.output
    coming = CliRunner().invoke(supervision, ["figures", "--day", str(beijing_day(yesterday) + 5 * DAY)])
    assert coming.exit_code == 2
    assert "still to come" in coming.output
