"""Exports: written in the worker, resumed after a crash, fetched by their requester alone, gone after a day."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils.translation import gettext_lazy as _

from tests.cast import NOON
from yikatong.accounts.models import Role, User
from yikatong.audit.models import AuditEvent
from yikatong.exports import kinds, services
from yikatong.exports.kinds import ExportKind, Parameters, Row
from yikatong.exports.models import Export, ExportPart, ExportState
from yikatong.exports.services import KEPT, OPEN_MAX, Reason
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused

pytestmark = pytest.mark.django_db
ROWS = 20_000
_faults: list[Exception] = []


def rows(parameters: Parameters) -> Iterator[Row]:
    for number in range(int(parameters["rows"])):
        if _faults and number == ROWS // 2:
            raise _faults.pop()
        yield (number, "=cmd|' /C calc'!A0", "张三")


KIND = ExportKind(
    name="test.rows",
    title=_("卡片"),
    roles=frozenset({Role.CARD_CENTRE.value}),
    head=(_("卡号"), _("状态"), _("姓名")),
    rows=rows,
    expected=lambda parameters: int(parameters["rows"]),
)


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    kinds.register(KIND)
    yield
    kinds._kinds.pop(KIND.name)
    _faults.clear()


@pytest.fixture
def centre() -> User:
    return User.objects.create(username="centre", role=Role.CARD_CENTRE)


def asked(by: User, **parameters: Any) -> Export:
    return services.ask(KIND.name, {"rows": ROWS} | parameters, by=by, at=NOON)


def content(export: Export, by: User) -> str:
    return b"".join(services.fetch(export.export_id, by=by, at=utc_now())).decode("utf-8-sig")


def test_every_row_arrives_sealed_and_harmless(centre: User) -> None:
    export = asked(centre)
    services.write(export.export_id)
    export.refresh_from_db()
    lines = content(export, centre).splitlines()
    assert (export.state, export.rows_done, export.rows_expected) == (ExportState.DONE, ROWS, ROWS)
    assert len(lines) == ROWS + 1
    assert lines[1] == "0,'=cmd|' /C calc'!A0,张三", "what begins like a formula is text"
    assert lines[-1].startswith(f"{ROWS - 1},")
    assert ExportPart.objects.count() > 1
    assert not any("张三".encode() in bytes(part.content_sealed) for part in ExportPart.objects.all())
    assert export.size_bytes == len(b"".join(services.fetch(export.export_id, by=centre, at=utc_now())))
    assert AuditEvent.objects.filter(action="export.downloaded", actor="staff:centre").count() == 2


def test_a_database_that_goes_away_is_waited_for(centre: User) -> None:
    export = asked(centre)
    _faults.append(OperationalError("gone"))
    with pytest.raises(OperationalError):
        services.write(export.export_id)
    services.write(export.export_id)
    export.refresh_from_db()
    assert (export.state, export.attempt) == (ExportState.DONE, 2)
    assert len(content(export, centre).splitlines()) == ROWS + 1


def test_a_fault_of_ours_ends_it(centre: User) -> None:
    export = asked(centre)
    _faults.append(ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        services.write(export.export_id)
    export.refresh_from_db()
    assert export.state == ExportState.FAILED


def test_a_run_that_was_overtaken_writes_nothing_more(centre: User) -> None:
    export = asked(centre)
    services.write(export.export_id)
    export.refresh_from_db()
    before = ExportPart.objects.count()
    export.attempt -= 1
    with pytest.raises(services._Overtaken):
        services._store(export, 99, b"late", 1)
    assert ExportPart.objects.count() == before


def test_nobody_else_gets_it(centre: User) -> None:
    export = asked(centre)
    services.write(export.export_id)
    other = User.objects.create(username="other", role=Role.CARD_CENTRE)
    for act in (services.fetch, services.cancel):
        with pytest.raises(Refused) as refused:
            act(export.export_id, by=other, at=NOON)
        assert refused.value.reason == Reason.EXPORT_UNKNOWN
    with pytest.raises(Refused) as refused:
        asked(User.objects.create(username="auditor", role=Role.AUDITOR))
    assert refused.value.reason == Reason.NOT_ALLOWED


def test_cancelled_is_cancelled(centre: User) -> None:
    export = asked(centre)
    services.cancel(export.export_id, by=centre, at=NOON)
    services.write(export.export_id)
    export.refresh_from_db()
    assert (export.state, export.rows_done, ExportPart.objects.count()) == (ExportState.CANCELLED, 0, 0)


def test_so_many_at_a_time(centre: User) -> None:
    for _number in range(OPEN_MAX):
        asked(centre)
    with pytest.raises(Refused) as refused:
        asked(centre)
    assert refused.value.reason == Reason.TOO_MANY


def test_gone_after_a_day(centre: User) -> None:
    export = asked(centre, rows=3)
    services.write(export.export_id)
    later = utc_now() + KEPT + timedelta(seconds=1)
    with pytest.raises(Refused):
        services.fetch(export.export_id, by=centre, at=later)
    assert services.remove_expired(at=utc_now()) == 0
    assert services.remove_expired(at=later) == 1
    export.refresh_from_db()
    assert (export.state, ExportPart.objects.count()) == (ExportState.EXPIRED, 0)
