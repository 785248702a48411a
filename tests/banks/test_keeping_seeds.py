"""The worker keeps a week of digests published in advance and reveals each day's seed once it is over."""

from datetime import UTC, date, datetime, timedelta

import pytest

from yikatong.audit.models import AuditEvent
from yikatong.banks.models import FairSeed
from yikatong.banks.rules import commitment_of
from yikatong.banks.services import COMMITTED_DAYS_AHEAD, keep_seeds, seed_of

TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
NEXT_DAY = NOON + timedelta(days=1)
pytestmark = pytest.mark.django_db


def test_the_first_run_commits_today_and_a_week_ahead() -> None:
    committed, revealed = keep_seeds(at=NOON)
    assert committed == [TODAY + timedelta(days=ahead) for ahead in range(COMMITTED_DAYS_AHEAD + 1)]
    assert revealed == []
    in_advance = AuditEvent.objects.filter(action="bank_order.seed_committed", details__in_advance=True)
    assert in_advance.count() == COMMITTED_DAYS_AHEAD, "today's seed could not be in advance, and is not said to be"


def test_running_again_changes_nothing() -> None:
    keep_seeds(at=NOON)
    before = list(FairSeed.objects.order_by("day").values())
    assert keep_seeds(at=NOON + timedelta(hours=1)) == ([], [])
    assert list(FairSeed.objects.order_by("day").values()) == before


def test_each_day_adds_one_and_reveals_one() -> None:
    keep_seeds(at=NOON)
    committed, revealed = keep_seeds(at=NEXT_DAY)
    assert (committed, revealed) == ([TODAY + timedelta(days=COMMITTED_DAYS_AHEAD + 1)], [TODAY])
    fair_seed = FairSeed.objects.get(day=TODAY)
    assert fair_seed.revealed_at == NEXT_DAY
    assert commitment_of(seed_of(fair_seed)) == fair_seed.commitment_hex


def test_days_on_which_nothing_ran_are_made_up_for() -> None:
    keep_seeds(at=NOON)
    committed, revealed = keep_seeds(at=NOON + timedelta(days=30))
    assert revealed == [TODAY + timedelta(days=ahead) for ahead in range(COMMITTED_DAYS_AHEAD + 1)]
    assert len(committed) == COMMITTED_DAYS_AHEAD + 1
    assert min(committed) == TODAY + timedelta(days=30)


def test_a_day_that_fails_does_not_keep_the_others() -> None:
    keep_seeds(at=NOON)
    FairSeed.objects.filter(day=TODAY).update(seed_sealed=b"damaged")
    later = NOON + timedelta(days=2)
    with pytest.raises(ExceptionGroup, match="some days") as failures:
        keep_seeds(at=later)
    assert len(failures.value.exceptions) == 1
    assert FairSeed.objects.get(day=TODAY + timedelta(days=1)).revealed_at == later
    assert FairSeed.objects.filter(day__gt=TODAY).count() == COMMITTED_DAYS_AHEAD + 2


def test_the_worker_knows_the_task() -> None:
    from procrastinate.contrib.django import app

    app.perform_import_paths()
    assert "banks.keep_seeds" in app.tasks
    assert "banks.keep_seeds" in {periodic.task.name for periodic in app.periodic_registry.periodic_tasks.values()}
