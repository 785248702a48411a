"""The desk's lists over HTTP: stock with its second person, the day's report, the cards that come and wait."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from tests.cast import CLERK, made_card, make_bank, make_person
from yikatong.accounts.models import Role, User
from yikatong.audit.models import AuditEvent
from yikatong.desks.models import DeskAct, StockCount
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.identifiers import new_uuid7
from yikatong.issuance import services
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db
BANK = "/work/bank/"


def clerk(name: str = "c1") -> Client:
    client = Client()
    client.force_login(User.objects.create(username=name, role=Role.BANK_CLERK, outlet_id=make_bank().outlet_id))
    return client


def text(client: Client, path: str) -> str:
    answer = client.get(f"{BANK}{path}")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()


def test_a_difference_is_asked_about_and_confirmed_by_the_second_clerk() -> None:
    first, second = clerk(), clerk("c2")
    form = {"action": "count", "kind": "blanks", "counted": "3", "reason": "", "count_id": str(new_uuid7())}
    blind = text(first, "stock/")
    assert "先数，再看账面" in blind
    answer = first.post(f"{BANK}stock/", form)
    assert (answer.status_code, "账面数 0 张不符" in answer.content.decode()) == (422, True)
    assert 'value="3"' in answer.content.decode(), "what was typed is kept"
    assert first.post(f"{BANK}stock/", form | {"reason": "上月到货未登记"}).status_code == 302
    assert "同意" not in text(first, "stock/").split("data-waiting")[1].split("</section>")[0]
    decision = {"action": "agree", "count_id": str(StockCount.objects.get().count_id)}
    assert first.post(f"{BANK}stock/", decision).status_code == 422
    assert second.post(f"{BANK}stock/", decision).status_code == 302
    assert 'data-count="confirmed"' in text(first, "stock/?state=confirmed")
    assert "data-count" not in text(first, "stock/?state=rejected")
    assert [row.act for row in DeskAct.objects.order_by("at")] == ["count", "count_decided"]


@pytest.mark.parametrize("counted", ["", "-1", "1.5", "９", "1e3", "9999999", "𠮷"])
def test_a_count_is_a_whole_number(counted: str) -> None:
    form = {"action": "count", "kind": "blanks", "counted": counted, "reason": "写明的原因", "count_id": str(uuid4())}
    assert clerk().post(f"{BANK}stock/", form).status_code == 422


def test_the_days_report_by_clerk_and_act() -> None:
    outlet, first, second = make_bank(), clerk(), clerk("c2")
    person = make_person(1)
    card = made_card(person, outlet, at=utc_now())
    number = clear_view(person).identity_number
    for client, action in ((first, "receive"), (second, "hand_over")):
        form = {"action": action, "act_id": str(uuid4()), "identity_number": number}
        assert client.post(f"{BANK}cards/{card.card_id}/", form).status_code == 302
    page = text(first, "day/")
    assert "登记接收" in page
    assert "发卡" in page
    assert "data-card" not in page
    only = text(first, "day/?by=clerk:c2").split("逐笔")[-1]
    assert ("登记接收" in only, "发卡" in only) == (False, True)
    file = text(first, "day.csv?act=receive")
    assert file.startswith("\ufeff")
    assert len(file.strip().splitlines()) == 2
    assert card.card_number not in file, "masked"
    assert AuditEvent.objects.filter(action="desk.day_downloaded").count() == 1
    yesterday = beijing_day(utc_now()) - timedelta(days=1)
    assert "这一天没有办理" in text(first, f"day/?day={yesterday}")
    for nonsense in (
        "day/?day=x",
        "day/?day=9999-12-31",
        "day/?after=x",
        "day/?after=2026-01-01T00:00/x",
        "day/?by=%00",
    ):
        assert first.get(f"{BANK}{nonsense}").status_code == 200


def test_the_days_report_is_paged_by_what_was_done_last() -> None:
    client, day, at = clerk(), beijing_day(utc_now()), utc_now()
    for number in range(60):
        DeskAct.objects.create(
            place="outlet:ICBC-1",
            act_id=new_uuid7(),
            day=day,
            at=at,
            by="clerk:c1",
            act="receive",
            details={"n": number},
        )
    first = client.get(f"{BANK}day/")
    assert len(first.context["rows"]) == 50
    second = client.get(f"{BANK}day/", {"after": first.context["next_after"]})
    seen = {row[0].act_id for row in first.context["rows"]} | {row[0].act_id for row in second.context["rows"]}
    assert (len(second.context["rows"]), len(seen)) == (10, 60)
    assert len(text(client, "day.csv").strip().splitlines()) == 61


def test_cards_that_come_and_cards_that_wait() -> None:
    outlet, client = make_bank(), clerk()
    coming, waiting = (made_card(make_person(serial), outlet, at=utc_now()) for serial in (1, 2))
    services.mark_ready(waiting.card_id, by=CLERK, at=utc_now())
    foreign = made_card(make_person(3), make_bank("ABC"), at=utc_now())
    for state, there, gone in (("made", coming, waiting), ("ready", waiting, coming)):
        for page in (text(client, f"cards/?state={state}"), text(client, f"cards.csv?state={state}")):
            assert there.card_number in page
            assert gone.card_number not in page
            assert foreign.card_number not in page
    assert waiting.card_number not in text(client, f"cards/?after={waiting.card_id}")
    assert client.get(f"{BANK}cards/?after={'9' * 30}&state=x").status_code == 200
