"""The figures of each day, computed by SQL and stored, so that a page reads a few thousand rows whatever the city's size.

A day is computed in one transaction that replaces what stood there: repeating it is harmless. Figures are of the applications
made on that day, so they change while one of these is still open: a card collected in March counts for the day in January on
which it was applied for. Days with open applications are therefore computed anew once a day, today and yesterday at every run.
Figures are derived from audited deeds and are not audited themselves.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Min, Q, Sum

from yikatong.applications.models import Application, ApplicationState
from yikatong.applications.rules import OPEN_STATES
from yikatong.banks.models import Bank, Outlet
from yikatong.city.capacity import campaign_limits_at
from yikatong.city.dated import NoRuleYet
from yikatong.foundation.clock import beijing_day, beijing_day_bounds
from yikatong.foundation.workdays import is_working_day
from yikatong.supervision.models import (
    BankOffer,
    DailyCapacity,
    DailyFigure,
    DailyPosition,
    DailyWait,
    FigureDay,
)

_SQL = {
    model: (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    for model, name in ((DailyFigure, "daily_figure"), (DailyPosition, "daily_position"), (DailyWait, "daily_wait"))
}


def compute_day(day: date, *, at: datetime) -> FigureDay:
    """Compute one day, replacing what was stored for it. Two runs at once come one after the other."""
    start, end = beijing_day_bounds(day)
    banks = list(Bank.objects.values_list("code", flat=True))
    parameters: dict[str, Any] = {
        "day": day,
        "day_before": day - timedelta(days=1),
        "start": start,
        "end": end,
        "banks": banks,
        "states": list(ApplicationState.values),
    }
    with transaction.atomic():
        FigureDay.objects.get_or_create(day=day, defaults={"computed_at": at})
        figure_day = FigureDay.objects.select_for_update().get(day=day)
        with connection.cursor() as cursor:
            for model, statement in _SQL.items():
                model._default_manager.filter(day=day).delete()
                cursor.execute(statement, parameters)
        DailyCapacity.objects.bulk_create(_capacity_of(day), ignore_conflicts=True)
        of_day = Application.objects.filter(bank_code__in=banks, submitted_at__gte=start, submitted_at__lt=end)
        figure_day.open_applications = of_day.filter(state__in=OPEN_STATES).count()
        figure_day.computed_at = at
        figure_day.save(update_fields=["open_applications", "computed_at"])
    return figure_day


def _capacity_of(day: date) -> list[DailyCapacity]:
    """Windows × cards a window and working day, as the planner reckons. Source: rules/campaign.toml."""
    try:
        cards_per_window = campaign_limits_at(day).cards_per_window_and_day if is_working_day(day) else 0
    except NoRuleYet:
        return []
    taking_part = Q(bank__joined_on__lte=day)
    windows = Outlet.objects.filter(taking_part).values_list("bank_id", "district_code").annotate(Sum("windows"))
    return [
        DailyCapacity(day=day, bank_code=bank, district_code=district, cards=count * cards_per_window)
        for bank, district, count in windows.order_by("bank_id", "district_code")
    ]


def days_due(*, at: datetime) -> list[date]:
    """Which days a run computes, oldest first: those never computed, today and yesterday, and those still open.

    A day that is still open is due once a day: when it was last computed before today began in Beijing.
    """
    today = beijing_day(at)
    known = set(FigureDay.objects.values_list("day", flat=True))
    first = _first_day()
    if first is None:
        return []
    never = {first + timedelta(days=ahead) for ahead in range((today - first).days + 1)} - known
    begun, _ = beijing_day_bounds(today)
    still_open = FigureDay.objects.filter(open_applications__gt=0, computed_at__lt=begun).values_list("day", flat=True)
    recent = {day for day in (today - timedelta(days=1), today) if day >= first}
    return sorted(never | recent | set(still_open))


def _first_day() -> date | None:
    """The first day on which anything happened; looked up bank by bank and state by state, as the index is sorted."""
    days = [BankOffer.objects.aggregate(first=Min("day"))["first"]]
    for bank in Bank.objects.values_list("code", flat=True):
        for state in ApplicationState.values:
            of_state = Application.objects.filter(bank_code=bank, state=state)
            first = of_state.aggregate(first=Min("submitted_at"))["first"]
            days.append(beijing_day(first) if first is not None else None)
    return min((day for day in days if day is not None), default=None)


def compute_due(*, at: datetime) -> list[date]:
    """Compute all days that are due, each in its own transaction; which these were.

    A day that fails does not keep the others; all failures are raised together at the end (``ExceptionGroup``).
    """
    failures: list[Exception] = []
    done: list[date] = []
    for day in days_due(at=at):
        try:
            compute_day(day, at=at)
            done.append(day)
        except Exception as error:
            error.add_note(f"figures of {day}")
            failures.append(error)
    if failures:
        raise ExceptionGroup("figures of some days were not computed", failures)
    return done


def totals_of(day: date) -> dict[str, int]:
    """A stored day in five numbers, for whoever ran the command."""
    found = DailyFigure.objects.filter(day=day).aggregate(
        shown=Sum("shown"), chosen=Sum("chosen"), made=Sum("made"), completed=Sum("completed"), rows=Count("day")
    )
    return {name: count or 0 for name, count in found.items()}
