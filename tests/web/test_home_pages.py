"""My card: what is shown and the one thing to do next, in every state; fast for families; the first visit."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from gzip import compress

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.cast import (
    CLERK,
    active_card,
    application_for,
    collected_card,
    made_card,
    make_bank,
    make_guardian,
    make_person,
)
from tests.web.residents import resident, text_of
from yikatong.applications.services import submit
from yikatong.foundation.clock import utc_now
from yikatong.issuance import services
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.registry.models import Person

pytestmark = pytest.mark.django_db
COMPRESSED_MAX = 20_000


def applied(person: Person) -> None:
    submit(application_for(person, make_bank()), by=CLERK, at=utc_now())


def made(person: Person) -> None:
    made_card(person, make_bank(), at=utc_now())


def at_the_outlet(person: Person) -> None:
    services.mark_ready(made_card(person, make_bank(), at=utc_now()).card_id, by=CLERK, at=utc_now())


def posted(person: Person) -> None:
    card = made_card(person, make_bank(), at=utc_now(), collection="post", outlet_id="", address="某路 1 号")
    services.mark_ready(card.card_id, by=CLERK, at=utc_now())


def collected(person: Person) -> None:
    collected_card(person, make_bank(), at=utc_now())


def active(person: Person) -> None:
    active_card(person, make_bank(), at=utc_now())


def pre_reported(person: Person) -> None:
    services.pre_report_loss(active_card(person, make_bank(), at=utc_now()).card_id, by=CLERK, at=utc_now())


def lapsed(person: Person) -> None:
    card = active_card(person, make_bank(), at=utc_now())
    services.pre_report_loss(card.card_id, by=CLERK, at=utc_now() - timedelta(days=11))


def lost(person: Person) -> None:
    services.report_loss(active_card(person, make_bank(), at=utc_now()).card_id, by=CLERK, at=utc_now())


def nothing(person: Person) -> None:
    """An older card only."""


@pytest.mark.parametrize(
    ("happens", "action", "label"),
    [
        (nothing, "apply", "申请第三代社保卡"),
        (applied, "track", "查看办理进度"),
        (made, "track", "查看办理进度"),
        (at_the_outlet, "collect", "预约领卡时间"),
        (posted, "activate", "启用新卡"),
        (collected, "activate", "启用新卡"),
        (active, "code", "出示电子社保卡"),
        (pre_reported, "lost", "处理挂失"),
        (lapsed, "code", "出示电子社保卡"),
        (lost, "replace", "申请补卡"),
    ],
)
def test_there_is_one_thing_to_do_next(happens: Callable[[Person], None], action: str, label: str) -> None:
    person = make_person(1)
    adopt_older_cards(at=utc_now() - timedelta(days=100))
    happens(person)
    page = text_of(resident(person), "/")
    assert re.findall(r'data-next="(\w+)" href="([^"]+)">([^<]+)<', page)[0][::2] == (action, label)
    assert len(re.findall("data-next=", page)) == 1
    assert "第 2 代" in page or action in {"code", "lost", "replace"}


@pytest.mark.parametrize(
    ("days_ago", "is_made", "said"),
    [(0, False, "预计不晚于"), (31, False, "已超期"), (0, True, "已制成，正在送来"), (31, True, "已制成，正在送来")],
)
def test_why_there_is_only_waiting_is_said(days_ago: int, is_made: bool, said: str) -> None:
    person, at = make_person(1), utc_now() - timedelta(days=days_ago)
    if is_made:
        made_card(person, make_bank(), at=at)
    else:
        submit(application_for(person, make_bank()), by=CLERK, at=at)
    assert said in text_of(resident(person), "/")


def test_the_number_of_a_card_not_in_use_yet_is_not_told() -> None:
    """Its end is asked for at activation: it must come from the card in the hand."""
    person = make_person(1, generation=0)
    card = collected_card(person, make_bank(), at=utc_now())
    client = resident(person)
    for url in (
        "/",
        "/progress/",
        f"/cards/{card.card_id}/activate/",
        f"/cards/{card.card_id}/loss/",
        "/privacy/stored/",
    ):
        assert card.card_number[-3:] not in text_of(client, url), url
    services.activate_social_function(card.card_id, by=CLERK, at=utc_now())
    assert card.card_number in text_of(client, "/")


def test_queries_do_not_grow_with_the_family() -> None:
    counted = []
    for serial, children in ((1, 0), (100, 1), (200, 5)):
        parent = make_person(serial)
        for number in range(children):
            child = make_person(serial + 1 + number, born=date(2018, 1, 1 + number), category="minor")
            make_guardian(child, parent)
            made_card(child, make_bank(), at=utc_now(), acting_person_id=parent.person_id)
        made_card(parent, make_bank(), at=utc_now())
        client = resident(parent)
        text_of(client, "/")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get("/")
        counted.append(len(queries))
        assert answer.content.decode().count("data-next=") == 1 + children
        assert len(compress(answer.content)) < COMPRESSED_MAX
    assert counted[1] == counted[2] <= 10, counted
    assert counted[0] <= 9, counted


def test_the_first_visit_says_what_is_new_and_whether_the_old_card_works() -> None:
    person = make_person(1)
    adopt_older_cards(at=utc_now())
    client = resident(person)
    page = text_of(client, "/")
    assert f"您的第 2 代卡（{person.older_card_number}）现在照常能用" in page
    assert page.count("<li>", page.index("intro-title"), page.index("知道了")) == 5
    assert client.post("/intro/").status_code == 302
    page = text_of(client, "/")
    assert "知道了" not in page
    assert "/intro/" in page
    assert "现在照常能用" in text_of(client, "/intro/")
    active(person)
    assert "旧卡的社会保障功能已经终止" in text_of(client, "/intro/")


def test_without_any_card_the_page_says_so_and_offers_to_apply() -> None:
    page = text_of(resident(make_person(1, generation=0)), "/")
    assert "还没有社会保障卡" in page
    assert "申请第三代社保卡" in page


def test_large_print_shows_five_tasks_and_the_way_to_all_others() -> None:
    person = make_person(1)
    adopt_older_cards(at=utc_now())
    client = resident(person)
    page = text_of(client, "/?mode=care")
    assert "全部功能" in page
    assert "data-next=" not in page
    assert "/loss/" in page
    assert "data-next=" in text_of(client, "/?mode=care&all=1")


def test_a_child_is_shown_and_a_strangers_child_is_not() -> None:
    mother, child, other = make_person(1), make_person(2, born=date(2018, 1, 1), category="minor"), make_person(3)
    make_guardian(child, mother)
    page = text_of(resident(mother), "/")
    assert "测试2（由您监护）" in page
    assert f"/apply/bank/?for={child.person_id}" in page
    assert "测试2" not in text_of(resident(other), "/")
