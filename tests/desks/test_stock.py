"""Counts against the books: what agrees stands, what differs needs a reason and a second person."""

from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from tests.cast import CLERK, NOON, made_card, make_bank, make_person
from yikatong.audit.actors import Actor
from yikatong.desks.finding import Desk
from yikatong.desks.models import CountState, StockCount
from yikatong.desks.stock import CountDiffers, blanks_at, cards_waiting_at, decide_count, take_count
from yikatong.foundation.errors import Refused
from yikatong.issuance import services

pytestmark = pytest.mark.django_db


def count_id(number: int) -> UUID:
    return UUID(f"0192f3a4-7b6c-7d8e-9f01-{number:011d}0")


def desk(name: str = "c1") -> Desk:
    return Desk(make_bank(), Actor("clerk", name))


def deliver(blanks: int) -> None:
    services.deliver_blanks("ICBC", blanks, delivery_note=f"N{blanks}", by=CLERK, at=NOON, outlet_id="ICBC-1")


def test_a_count_that_agrees_stands_by_itself() -> None:
    here = desk()
    deliver(20)
    first, again = (take_count(here, "blanks", 20, "", count_id=count_id(1), at=NOON) for _ in range(2))
    assert (first.state, first.expected, again.pk) == (CountState.AGREED, 20, first.pk)
    with pytest.raises(Refused, match="没有这次盘点"):
        decide_count(here, count_id(2), agrees=True, at=NOON)


def test_a_difference_needs_a_reason_and_another_clerk_and_then_corrects_the_books() -> None:
    here, other = desk(), desk("c2")
    deliver(20)
    with pytest.raises(CountDiffers) as differs:
        take_count(here, "blanks", 18, "少了", count_id=count_id(1), at=NOON)
    assert differs.value.expected == 20
    assert take_count(here, "blanks", 18, "两张受潮损坏", count_id=count_id(1), at=NOON).state == CountState.WAITING
    assert blanks_at("ICBC-1").left == 20, "one person changes nothing"
    with pytest.raises(Refused, match="另一位柜员"):
        decide_count(here, count_id(1), agrees=True, at=NOON)
    for _ in range(2):
        decide_count(other, count_id(1), agrees=True, at=NOON)
    assert blanks_at("ICBC-1").left == 18
    with pytest.raises(Refused, match="已经有人复核"):
        decide_count(other, count_id(1), agrees=False, at=NOON)
    assert take_count(here, "blanks", 18, "", count_id=count_id(2), at=NOON).state == CountState.AGREED


def test_a_refused_difference_corrects_nothing() -> None:
    deliver_to = desk()
    deliver(5)
    take_count(deliver_to, "blanks", 9, "多出四张不明", count_id=count_id(1), at=NOON)
    decide_count(desk("c2"), count_id(1), agrees=False, at=NOON)
    assert blanks_at("ICBC-1").left == 5


def test_finished_cards_are_counted_and_never_corrected_away() -> None:
    here = desk()
    for serial in (1, 2):
        services.mark_ready(made_card(make_person(serial), here.outlet).card_id, by=CLERK, at=NOON)
    assert cards_waiting_at("ICBC-1") == 2
    take_count(here, "cards", 1, "抽屉里少一张", count_id=count_id(1), at=NOON)
    decide_count(desk("c2"), count_id(1), agrees=True, at=NOON)
    assert cards_waiting_at("ICBC-1") == 2


@pytest.mark.parametrize(("kind", "counted"), [("blanks", -1), ("blanks", 100_001), ("gold", 1), ("", 0)])
def test_what_cannot_be_counted(kind: str, counted: int) -> None:
    with pytest.raises(Refused, match="请输入清点到的张数"):
        take_count(desk(), kind, counted, "", count_id=count_id(1), at=NOON)


def test_the_database_itself_wants_two_persons() -> None:
    take_count(desk(), "blanks", 3, "多出三张不明", count_id=count_id(1), at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        StockCount.objects.filter(outlet_id="ICBC-1").update(decided_by="c1", state=CountState.CONFIRMED)
