"""Lists page by key: whole, in order, in both directions, with filters kept, and by an index however long they are."""

from datetime import timedelta
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from django.db import connection
from django.test import RequestFactory

from tests.cast import NOON
from yikatong.accounts.models import Role, User
from yikatong.audit.models import AuditEvent
from yikatong.cases.models import Case
from yikatong.workbench.filters import cards_filtered, events_filtered
from yikatong.workbench.list_exports import by_key
from yikatong.workbench.paging import COUNT_MAX, Page, beyond, counted, estimated, page_of

pytestmark = pytest.mark.django_db
KEYS = ("-at", "-event_id")


def events(count: int, *, actor: str = "system:test", action: str = "card.made") -> None:
    """Two events at every moment, so that the number decides."""
    AuditEvent.objects.bulk_create(
        AuditEvent(at=NOON + timedelta(seconds=n // 2), actor=actor, action=action, subject=f"card:{n}")
        for n in range(count)
    )


def page(query: str = "", *, length: int = 10, **filters: str) -> Page[AuditEvent]:
    request = RequestFactory().get("/" + query)
    return page_of(request, events_filtered(request.GET.dict() | filters), *KEYS, length=length)


def walked(way: str, start: str = "") -> list[Page[AuditEvent]]:
    pages = [page(start)]
    while address := getattr(pages[-1], way):
        pages.append(page(address))
    return pages


def test_forward_and_back_everybody_is_seen_once_in_order() -> None:
    events(35)
    expected = list(AuditEvent.objects.order_by(*KEYS).values_list("event_id", flat=True))
    forward = walked("next")
    assert [row.event_id for each in forward for row in each.rows] == expected
    assert [len(each.rows) for each in forward] == [10, 10, 10, 5]
    back = walked("previous", forward[-1].previous)
    seen = [row.event_id for each in reversed(back) for row in each.rows]
    assert seen == expected[:30]
    assert forward[0].previous == forward[0].first == ""
    assert not page(forward[1].first).first


def test_what_comes_in_meanwhile_shifts_nothing() -> None:
    events(20)
    first = page()
    AuditEvent.objects.create(at=NOON + timedelta(days=1), actor="x", action="y", subject="z")
    second = page(first.next)
    assert not {row.event_id for row in first.rows} & {row.event_id for row in second.rows}
    assert len(second.rows) == 10


def test_filters_stay_in_the_address() -> None:
    events(30, actor="staff:a")
    address = page("?actor=staff:a&q=").next
    assert parse_qs(address[1:])["actor"] == ["staff:a"]
    assert len(page(address).rows) == 10


@pytest.mark.parametrize(
    "token", ["x", "W10", "WyJhIiwgImIiXQ", "W251bGwsMV0", "%00", "A" * 500, "WyIyMDI2LTExLTAyIiwgMV0"]
)
@pytest.mark.parametrize("place", ["after", "before"])
def test_a_token_that_nobody_made_shows_the_first_page(token: str, place: str) -> None:
    events(12)
    assert [row.event_id for row in page(f"?{place}={token}").rows] == [row.event_id for row in page().rows]


def test_an_empty_list_is_one_page() -> None:
    assert page().is_only


def test_an_export_reads_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    events(35)
    monkeypatch.setattr("yikatong.workbench.list_exports.READ_AT_ONCE", 10)
    rows = by_key(AuditEvent.objects.all(), "at", "event_id", is_descending=True)
    assert [row.event_id for row in rows] == list(AuditEvent.objects.order_by(*KEYS).values_list("event_id", flat=True))


def test_counting_stops_where_nobody_reads_on() -> None:
    events(30)
    assert str(counted(AuditEvent.objects.all())) == "30"
    assert str(counted(AuditEvent.objects.all(), 20)) == "20+"
    assert estimated(AuditEvent) == 30
    assert COUNT_MAX == 10_000


def test_counting_is_given_up_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yikatong.workbench.paging.COUNT_WITHIN_MS", 50)
    slow = AuditEvent.objects.extra(where=["pg_sleep(1) is not null"])
    events(2)
    assert counted(slow).number is None


@pytest.mark.parametrize(
    ("index", "found", "keys"),
    [
        ("audit_by_time", lambda: events_filtered({}), ("at", "event_id")),
        ("audit_by_actor", lambda: events_filtered({"actor": "staff:a"}), ("at", "event_id")),
        (
            "audit_by_action",
            lambda: events_filtered({"action": "card.made", "until": "2026-11-02"}),
            ("at", "event_id"),
        ),
        ("issuance_third_by_state", lambda: cards_filtered({"state": "ready"}), ("card_id",)),
        ("issuance_third_by_bank", lambda: cards_filtered({"state": "ready", "bank": "ICBC"}), ("card_id",)),
        ("accounts_staff", lambda: User.objects.exclude(role=Role.RESIDENT), ("username",)),
        ("cases_by_kind", lambda: Case.objects.filter(kind="complaint", state="open"), ("since", "case_id")),
        ("cases_by_state", lambda: Case.objects.filter(state="open"), ("since", "case_id")),
        (
            "cases_by_assignee",
            lambda: Case.objects.filter(assignee_id=1, state="taken"),
            ("since", "case_id"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_deep_pages_read_an_index_in_order(index, found, keys) -> None:  # type: ignore[no-untyped-def]
    """In tables of millions the planner does as here, where sequential scans are taken from it."""
    key = {
        "at": NOON,
        "since": NOON,
        "event_id": 1_000_000,
        "card_id": 5_000_000,
        "case_id": UUID(int=1),
        "username": "a",
    }
    events(500, actor="system:others", action="card.collected")  # or one index would be as good as another
    with connection.cursor() as cursor:
        cursor.execute("analyze audit_event")
        cursor.execute("set local enable_seqscan = off; set local enable_bitmapscan = off")
        plan = beyond(found(), keys, [key[name] for name in keys], is_descending=keys[0] in {"at", "card_id"})[
            :51
        ].explain()
    assert index in plan, plan
    assert "Sort" not in plan, plan
