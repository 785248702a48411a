"""Drawing and committing from many connections at once: really committed, hence cleaned up by hand.

pytest-django's own transactional tests end by truncating every table, which the ledger rightly refuses.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.at_once import at_once
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Bank, BankOrderDraw, FairSeed
from yikatong.banks.services import commit_seed, draw_bank_order

DAY, NOON = date(2026, 11, 23), datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
WRITTEN = ("banks_order_draw", "banks_fair_seed", "banks_bank", "audit_event")


@pytest.fixture
def _committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        for code in ("ICBC", "ABC", "BOC", "CCB"):
            Bank.objects.create(code=code, name_zh=code, name_en=code, joined_on=date(2024, 10, 30), source="test")
        yield
        with connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")  # past the trigger that keeps the audit trail
            for table in WRITTEN:
                cursor.execute(f"delete from {table}")
        connection.close()


@pytest.mark.usefixtures("_committed")
def test_it_is_one_draw_of_one_seed() -> None:
    orders = at_once(6, lambda: draw_bank_order(7, day=DAY, at=NOON))
    assert len(orders) == 6
    assert len(set(orders)) == 1
    assert (FairSeed.objects.count(), BankOrderDraw.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(action="bank_order.drawn").count() == 1
    assert AuditEvent.objects.filter(action="bank_order.seed_committed").count() == 1


@pytest.mark.usefixtures("_committed")
def test_it_is_one_commitment() -> None:
    assert len(set(at_once(6, lambda: commit_seed(DAY, at=NOON)))) == 1
    assert FairSeed.objects.count() == 1
