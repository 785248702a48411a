"""Losing a card on the web: two taps, the time that is left, found again, lost for good; nobody else's card."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from tests.cast import CLERK, active_card, make_bank, make_person
from tests.web.residents import resident, text_of
from yikatong.foundation.clock import utc_now
from yikatong.issuance import services
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card
from yikatong.portal.cards import time_left

NOON = datetime(2026, 11, 2, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (timedelta(days=10), "10 天 0 小时"),
        (timedelta(days=9, hours=23, minutes=59, seconds=59), "9 天 23 小时"),
        (timedelta(days=1), "1 天 0 小时"),
        (timedelta(hours=23, minutes=59), "23 小时"),
        (timedelta(hours=1), "1 小时"),
        (timedelta(minutes=59, seconds=59), "59 分钟"),
        (timedelta(seconds=59), "0 分钟"),
        (-timedelta(seconds=1), "0 分钟"),
    ],
)
def test_the_time_left_is_never_told_too_long(left: timedelta, told: str) -> None:
    with translation.override("zh-hans"):
        assert time_left(NOON + left, NOON) == told


@pytest.mark.django_db
def test_from_home_two_taps_stop_the_card() -> None:
    person = make_person(1)
    card = active_card(person, make_bank(), at=utc_now())
    client = resident(person)
    home = text_of(client, "/")
    url = f"/cards/{card.card_id}/loss/"
    assert f'href="{url}"' in home  # the first tap
    page = text_of(client, url)
    assert page.index("立即预挂失") < page.index("预挂失立即生效"), "the button first"
    assert client.post(url, {"action": "pre_report"}).status_code == 302  # the second
    page = text_of(client, url)
    assert "9 天 23 小时" in page
    assert "自动恢复使用" in page
    assert "电子社保卡也已停用" in page
    assert text_of(client, "/code/")
    assert client.post(url, {"action": "pre_report"}).status_code == 302, "pressed twice"
    assert client.post(url, {"action": "withdraw"}).status_code == 302
    assert "立即预挂失" in text_of(client, url)


@pytest.mark.django_db
def test_lost_for_good_a_replacement_is_offered_and_nothing_can_be_withdrawn() -> None:
    person = make_person(1)
    card = active_card(person, make_bank(), at=utc_now())
    client, url = resident(person), f"/cards/{card.card_id}/loss/"
    assert client.post(url, {"action": "report"}).status_code == 302
    page = text_of(client, url)
    assert "申请补卡" in page
    assert f"/apply/bank/?for={person.person_id}" in page
    answer = client.post(url, {"action": "withdraw"})
    assert answer.status_code == 422
    assert "不能撤销" in answer.content.decode()
    assert Card.objects.get(card_id=card.card_id).state == "cancelled"


@pytest.mark.django_db
def test_an_older_card_lost_leads_to_a_first_third_generation_card() -> None:
    person = make_person(1)
    adopt_older_cards(at=utc_now())
    card = Card.objects.get()
    client, url = resident(person), f"/cards/{card.card_id}/loss/"
    client.post(url, {"action": "pre_report"})
    assert "电子社保卡" not in text_of(client, url)
    client.post(url, {"action": "report"})
    assert "申请第三代社保卡" in text_of(client, url)


@pytest.mark.django_db
def test_anothers_card_is_not_there() -> None:
    card = active_card(make_person(1), make_bank(), at=utc_now())
    client = resident(make_person(2))
    for url in (f"/cards/{card.card_id}/loss/", f"/cards/{card.card_id}/activate/", "/cards/999999/loss/"):
        assert client.get(url).status_code == 404
        assert client.post(url, {"action": "pre_report"}).status_code == 404
    assert Card.objects.get(card_id=card.card_id).pre_reported_lost_at is None
    services.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
