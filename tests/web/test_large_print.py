"""Large print: one switch, remembered on the device and in the account, in three sizes; offered once to those it may help."""

from datetime import date

import pytest
from django.test import Client

from tests.cast import make_person
from yikatong.accounts.models import Role, User
from yikatong.foundation.clock import beijing_day, utc_now

pytestmark = pytest.mark.django_db
OFFER = "需要更大的字吗"


def client_of(born: date, *, needs: bool = False) -> tuple[Client, User]:
    person = make_person(1, born=born)
    person.needs_large_print = needs
    person.save(update_fields=["needs_large_print"])
    user = User.objects.create(username="r1", role=Role.RESIDENT, person_id=person.person_id)
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(user)
    return client, user


def years_ago(years: int) -> date:
    return date(beijing_day(utc_now()).year - years, 1, 1)


@pytest.mark.parametrize(
    ("asked", "px"),
    [
        ("?mode=care", 22),
        ("?mode=care&size=26", 26),
        ("?mode=care&size=30", 30),
        ("?mode=care&size=99", 22),
        ("?mode=care&size=²", 22),
        ("?mode=standard", 0),
        ("?mode=else", 0),
    ],
)
def test_a_link_asks_for_it_and_the_device_remembers(asked: str, px: int) -> None:
    client = Client()
    for address in (f"/help/{asked}", "/help/"):
        page = client.get(address).content.decode()
        assert (f'data-text="{px}"' in page, 'data-weui-mode="care"' in page) == (px > 0, px > 0)


def test_a_cookie_of_before_there_were_sizes_still_counts() -> None:
    client = Client()
    client.cookies["large_print"] = "1"
    assert 'data-text="22"' in client.get("/help/").content.decode()


@pytest.mark.parametrize(
    ("sent", "px"), [({"large": "1"}, 22), ({"size": "30"}, 30), ({"large": "0"}, 0), ({"size": "7"}, 0)]
)
def test_the_switch_is_remembered_in_the_account_and_followed_on_another_device(sent: dict[str, str], px: int) -> None:
    client, user = client_of(date(1990, 1, 1))
    client.post("/large-print/", sent | {"next": "/help/"})
    other_device = Client()
    other_device.force_login(user)
    assert (f'data-text="{px}"' in other_device.get("/help/").content.decode()) == (px > 0)


@pytest.mark.parametrize(
    ("next_page", "lands"),
    [
        ("/apply/collection/?for=1&bank=ICBC", "/apply/collection/?for=1&bank=ICBC"),
        ("/help/?mode=standard&size=30", "/help/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
    ],
)
def test_the_switch_goes_back_to_the_page_as_it_was(next_page: str, lands: str) -> None:
    answer = Client().post("/large-print/", {"large": "1", "next": next_page})
    assert answer.headers["Location"] == lands


@pytest.mark.parametrize(
    ("years", "needs", "offered"),
    [(75, False, True), (60, False, True), (59, False, False), (30, False, False), (30, True, True)],
)
def test_it_is_offered_to_those_of_sixty_and_who_need_it(years: int, *, needs: bool, offered: bool) -> None:
    client, _ = client_of(years_ago(years), needs=needs)
    for _ in range(2):
        assert (OFFER in client.get("/").content.decode()) is offered


@pytest.mark.parametrize("answer", ["0", "1"])
def test_an_answer_is_remembered(answer: str) -> None:
    client, user = client_of(years_ago(70))
    client.post("/large-print/", {"large": answer, "next": "/"})
    user.refresh_from_db()
    assert (user.large_print_answered, user.prefers_large_print) == (True, answer == "1")
    other_device = Client()
    other_device.force_login(user)
    page = other_device.get("/").content.decode()
    assert OFFER not in page
    assert ("data-text" in page) == (answer == "1")


@pytest.mark.parametrize("address", ["/welcome/", "/help/", "/sign-in/", "/sign-in/staff/"])
def test_the_hotlines_are_on_every_page(address: str) -> None:
    page = Client().get(address).content.decode()
    assert 'href="tel:12333"' in page
    assert 'href="tel:96102"' in page
