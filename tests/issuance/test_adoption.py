"""Taking over the cards people held before the exchange."""

import pytest

from tests.cast import NOON, make_person
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card, CardDirectory, SocialFunction

pytestmark = pytest.mark.django_db


def test_every_holder_gets_the_older_card_active_and_once() -> None:
    holders = [make_person(serial) for serial in (1, 2)]
    make_person(3, generation=0)
    assert adopt_older_cards(at=NOON) == 2
    assert adopt_older_cards(at=NOON) == 0
    cards = Card.objects.order_by("person_id")
    assert [(card.person_id, card.generation, card.social_state) for card in cards] == [
        (holder.person_id, 2, "active") for holder in holders
    ]
    assert SocialFunction.objects.count() == CardDirectory.objects.count() == 2


def test_one_number_given_to_two_persons_goes_to_the_first_and_stops_nobody_else() -> None:
    first, second, third = (make_person(serial) for serial in (1, 2, 3))
    second.older_card_number = first.older_card_number
    second.save()
    assert adopt_older_cards(at=NOON) == 2
    assert set(Card.objects.values_list("person_id", flat=True)) == {first.person_id, third.person_id}
