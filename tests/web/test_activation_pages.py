"""Activating on the web: a code to the registered phone, the end of the number, one yes; once."""

from datetime import date, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import Client

from tests.cast import CLERK, collected_card, make_bank, make_guardian, make_person
from tests.web.residents import last_code, last_message, resident, text_of
from yikatong.accounts.models import ConsoleMessage
from yikatong.audit.models import AuditEvent
from yikatong.consent.models import ConfirmationCode
from yikatong.foundation.clock import utc_now
from yikatong.issuance import services
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card
from yikatong.registry.services import change_phone

pytestmark = pytest.mark.django_db
ACTIVE = "社会保障功能已启用"


def new_card(serial: int = 1, *, with_older: bool = True) -> tuple[Card, Client, str]:
    person = make_person(serial)
    if with_older:
        adopt_older_cards(at=utc_now() - timedelta(days=9))
    card = collected_card(person, make_bank(), at=utc_now())
    return card, resident(person), f"/cards/{card.card_id}/activate/"


def answers(card: Card, **changes: str) -> dict[str, str]:
    form = {"action": "activate", "code": last_code(), "tail": card.card_number[-3:], "agreed": "1"}
    return form | changes


def is_active(card: Card) -> bool:
    return Card.objects.get(card_id=card.card_id).social_state == "active"


def test_a_code_the_tail_and_a_yes_activate_and_the_older_card_ends() -> None:
    card, client, url = new_card()
    page = text_of(client, url)
    assert "102****0001" in page
    assert "不能恢复" in page
    assert 'name="tail"' not in page, "first the code"
    assert client.post(url, {"action": "send"}).status_code == 302
    phone, text = last_message()
    assert phone == "102****0001"
    assert "启用新的社会保障卡" in text
    assert 'name="tail"' in text_of(client, url)
    assert client.post(url, answers(card)).status_code == 302
    page = text_of(client, url)
    assert ACTIVE in page
    assert "/code/" in page
    assert "旧卡的社会保障功能已终止" in page
    states = dict(Card.objects.values_list("generation", "social_state"))
    assert states == {2: "ended", 3: "active"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tail": "###"}, "卡号后三位不对"),
        ({"tail": ""}, "卡号后三位不对"),
        ({"agreed": ""}, "请勾选"),
        ({"code": ""}, "验证码不对"),
        ({"code": "x" * 500}, "验证码不对"),
    ],
)
def test_a_wrong_answer_is_said_and_nothing_happens(changes: dict[str, str], said: str) -> None:
    card, client, url = new_card()
    client.post(url, {"action": "send"})
    answer = client.post(url, answers(card, **changes))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not is_active(card)
    assert client.post(url, answers(card)).status_code == 302, "put right, it works"
    assert is_active(card)


def test_the_end_of_the_number_cannot_be_guessed_by_trying() -> None:
    card, client, url = new_card()
    client.post(url, {"action": "send"})
    for _ in range(5):
        assert "卡号后三位不对" in client.post(url, answers(card, tail="###")).content.decode()
    answer = client.post(url, answers(card))
    assert "填错次数过多" in answer.content.decode()
    assert not is_active(card)
    assert "卡号后三位不对" not in client.post(url, answers(card, tail="###")).content.decode(), (
        "nothing is told any more"
    )


def test_without_a_code_nothing_is_activated() -> None:
    card, client, url = new_card()
    form = {"action": "activate", "code": "000000", "tail": card.card_number[-3:], "agreed": "1"}
    answer = client.post(url, form)
    assert (answer.status_code, is_active(card)) == (422, False)
    assert "请重新获取" in answer.content.decode()


def test_a_code_of_one_card_does_not_activate_another_nor_serve_twice() -> None:
    card, client, url = new_card()
    other, _, other_url = new_card(2)
    client.post(url, {"action": "send"})
    form = answers(card)
    assert client.post(other_url, form).status_code == 404, "another person's card"
    assert client.get(other_url).status_code == 404
    assert not is_active(other)
    assert client.post(url, form).status_code == 302
    code = ConfirmationCode.objects.get()
    assert code.used_at is not None
    assert client.post(url, form).status_code == 200, "sent again: the page that says it is done"
    assert AuditEvent.objects.filter(action="card.activated", subject=f"card:{card.card_id}").count() == 1


def test_a_guardians_code_goes_to_the_guardian() -> None:
    mother, child = make_person(1), make_person(2, born=date(2018, 1, 1), category="minor", generation=0)
    make_guardian(child, mother)
    card = collected_card_of(child, mother.person_id)
    client, url = resident(mother), f"/cards/{card.card_id}/activate/"
    assert "您（监护人）登记的手机 102****0001" in text_of(client, url)
    client.post(url, {"action": "send"})
    assert last_message()[0] == "102****0001"
    assert client.post(url, answers(card)).status_code == 302
    assert is_active(card)


def collected_card_of(child: object, guardian_id: int) -> Card:
    from tests.cast import made_card
    from yikatong.registry.models import Person

    assert isinstance(child, Person)
    card = made_card(child, make_bank(), at=utc_now(), acting_person_id=guardian_id)
    services.mark_ready(card.card_id, by=CLERK, at=utc_now())
    return services.hand_over(card.card_id, by=CLERK, at=utc_now(), guardian_person_id=guardian_id)


def test_codes_are_sent_sparingly_and_without_a_phone_the_page_says_where_to_go() -> None:
    card, client, url = new_card()
    assert client.post(url, {"action": "send"}).status_code == 302
    answer = client.post(url, {"action": "send"})
    assert answer.status_code == 422
    assert "一分钟后再试" in answer.content.decode()
    assert 'name="tail"' in answer.content.decode(), "the code that was sent can still be typed"
    assert ConsoleMessage.objects.count() == 1
    change_phone(card.person_id, "", by=CLERK, at=utc_now())
    assert "发卡银行柜台启用" in text_of(client, url)
    assert client.post(url, {"action": "send"}).status_code == 422


def test_a_card_that_cannot_be_activated_sends_no_code() -> None:
    card, client, url = new_card()
    services.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
    page = text_of(client, url)
    assert "此卡已挂失" in page
    assert "获取验证码" not in page


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_activate_once() -> None:
    card, client, url = new_card()
    client.post(url, {"action": "send"})
    form, gate, statuses = answers(card), Barrier(2), []

    def press() -> None:
        other = Client()
        other.cookies = client.cookies
        gate.wait()
        try:
            statuses.append(other.post(url, form).status_code)
        finally:
            connection.close()

    tabs = [Thread(target=press) for _ in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert set(statuses) <= {200, 302}, statuses
    assert len(statuses) == 2
    assert is_active(card)
    assert AuditEvent.objects.filter(action="card.activated", subject=f"card:{card.card_id}").count() == 1
