"""Status lists over HTTP: what a verifier that is not ours reads, and that a place tells nothing."""

import base64
import json
import zlib

import pytest
from django.test import Client
from jwcrypto.jws import JWS

from tests.cast import CLERK, active_card, make_bank, make_person
from tests.credentials.conftest import ORIGIN, asked, offered
from tests.credentials.wallet import Wallet
from yikatong.credentials import keys, status_list, statuses
from yikatong.credentials.jose import read
from yikatong.credentials.models import StatusList, StatusPlace
from yikatong.foundation.clock import utc_now
from yikatong.issuance import services as issuance
from yikatong.issuance.models import Card


def status_by_library(wallet: Wallet) -> int:
    """The status a stranger reads: jwcrypto for the signature, the specification's words for the bits."""
    place = wallet.verified(wallet.credential)["status"]["status_list"]
    answer = wallet.get(place["uri"])
    assert answer.headers["Content-Type"] == "application/statuslist+jwt"
    token = JWS()
    token.deserialize(answer.text)
    header = json.loads(token.objects["protected"])
    token.verify(wallet.issuer_keys(ORIGIN)[header["kid"]])
    claims = json.loads(token.payload)
    assert (header["typ"], claims["sub"], claims["ttl"]) == ("statuslist+jwt", place["uri"], 300)
    lst = claims["status_list"]["lst"]
    octets = zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
    assert (claims["status_list"]["bits"], len(octets)) == (2, 2**17 * 2 // 8)
    bits = "".join(f"{octet:08b}"[::-1] for octet in octets)  # least significant first
    at = 2 * place["idx"]
    return int(bits[at : at + 2][::-1], 2)


def test_the_list_follows_the_card(resident: Client, wallet: Wallet, card: Card) -> None:
    wallet.accept(*offered(resident))
    assert status_by_library(wallet) == 0
    issuance.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
    assert status_by_library(wallet) == 2
    issuance.withdraw_pre_report(card.card_id, by=CLERK, at=utc_now())
    assert status_by_library(wallet) == 0
    statuses.stop_all(card.card_id, by=CLERK, at=utc_now())
    assert status_by_library(wallet) == 1
    issuance.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
    assert status_by_library(wallet) == 1, "what its holder ended is not merely suspended"


def test_a_newer_card_ends_the_older_ones_credential(resident: Client, wallet: Wallet, card: Card) -> None:
    wallet.accept(*offered(resident))
    issuance.report_loss(card.card_id, by=CLERK, at=utc_now())
    person = make_person(2)
    active_card(person, make_bank(), at=utc_now())
    assert status_by_library(wallet) == 1


@pytest.mark.django_db
def test_places_are_taken_once_in_no_order_and_a_half_full_list_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "SIZE", 64)
    monkeypatch.setattr(statuses, "FULL_AT", 32)
    places = [statuses.take_place(utc_now()) for _ in range(70)]
    assert len(set(places)) == 70
    assert [place.index for place in places[:32]] != sorted(place.index for place in places[:32])
    assert list(StatusList.objects.order_by("list_id").values_list("taken", "is_open")) == [
        (32, False),
        (32, False),
        (6, True),
    ]
    assert StatusPlace.objects.count() == 70


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(
    resident: Client, wallet: Wallet, operator: Client
) -> None:
    wallet.accept(*offered(resident))
    before = set(wallet.issuer_keys(ORIGIN))
    fresh = keys.rotate(by=CLERK, at=utc_now())
    assert set(wallet.issuer_keys(ORIGIN)) == before | {fresh}
    _, link = asked(operator, "name")
    assert wallet.present(link).status_code == 200, "signed by the older key"
    newer = Wallet(wallet.http)
    assert read(newer.accept(*offered(resident)).split("~")[0]).header["kid"] == fresh
    assert status_by_library(newer) == 0


def test_a_list_that_there_is_not(wallet: Wallet) -> None:
    assert wallet.http.get("/openid/status/999").status_code == 404


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_every_place_holds_its_own_number(bits: int) -> None:
    array = status_list.empty(64, bits)
    for index in range(64):
        array = status_list.with_status(array, index, index % 2**bits, bits)
    assert [status_list.status_at(array, index, bits) for index in range(64)] == [
        index % 2**bits for index in range(64)
    ]
    assert status_list.decoded(status_list.encoded(array, bits)) == (array, bits)
    with pytest.raises(IndexError):
        status_list.status_at(array, 64, bits)
