"""From the offer on a resident's page to a credential that the ``sd-jwt`` library verifies; and everything that is refused."""

from datetime import timedelta

import pytest
from django.test import Client

from tests.cast import CLERK
from tests.credentials.conftest import ORIGIN, offered
from tests.credentials.wallet import Wallet
from yikatong.audit.models import AuditEvent
from yikatong.credentials import services
from yikatong.credentials.forgetting import forget_past
from yikatong.credentials.models import Credential, Offer, UsedNonce
from yikatong.credentials.rules import Claim
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.issuance import services as issuance
from yikatong.issuance.models import Card
from yikatong.registry.selectors import clear_view, find_person

VISIBLE = {"iss", "vct", "iat", "exp", "cnf", "status"}


def test_a_wallet_walks_from_offer_to_credential(resident: Client, wallet: Wallet, card: Card) -> None:
    text = wallet.accept(*offered(resident))
    shown = wallet.verified(text)
    person = find_person(card.person_id)
    assert person is not None
    assert set(shown) == VISIBLE | {claim.value for claim in Claim}
    assert shown["name"] == clear_view(person).name
    assert shown["card_number_tail"] == card.card_number[-3:]
    assert (shown["age_over_18"], shown["age_over_60"]) == (True, False)
    assert shown["cnf"]["jwk"] == {
        k: v for k, v in wallet.key.as_dict(private=False).items() if k in ["kty", "crv", "x", "y"]
    }
    assert shown["exp"] - shown["iat"] == 30 * 86400
    assert shown["iat"] % 86400 == 0, "the time of issue does not tell two holders apart"
    assert AuditEvent.objects.filter(action="credential.issued", person_id=card.person_id).count() == 1
    assert wallet.get(shown["vct"]).json()["vct"] == shown["vct"]


def test_what_is_always_visible_holds_nothing_personal(resident: Client, wallet: Wallet) -> None:
    token = wallet.accept(*offered(resident)).split("~", maxsplit=1)[0]
    assert set(wallet.verified(f"{token}~")) == VISIBLE


def test_an_offer_is_redeemed_once(resident: Client, wallet: Wallet) -> None:
    link, tx_code = offered(resident)
    wallet.accept(link, tx_code)
    again = wallet.redeem(link, tx_code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


def test_a_transaction_code_may_be_mistyped_four_times(resident: Client, wallet: Wallet) -> None:
    link, tx_code = offered(resident)
    wrong = f"{(int(tx_code) + 1) % 10**6:06d}"
    for _ in range(4):
        assert wallet.redeem(link, wrong).json() == {"error": "invalid_grant"}
    assert wallet.redeem(link, tx_code).status_code == 200
    link, tx_code = offered(resident)
    for _ in range(5):
        wallet.redeem(link, f"{(int(tx_code) + 1) % 10**6:06d}")
    assert wallet.redeem(link, tx_code).json() == {"error": "invalid_grant"}
    assert AuditEvent.objects.filter(action="credential.offer_spoiled").count() == 1


def test_an_offer_ends_after_its_minutes(card: Card) -> None:
    at = utc_now()
    made = services.make_offer(card.card_id, by=CLERK, at=at)
    with pytest.raises(Refused):
        services.redeem(made.code, made.tx_code, at=at + services.OFFER_LIFE)
    assert services.redeem(made.code, made.tx_code, at=at + services.OFFER_LIFE - timedelta(seconds=1))


def test_only_digests_of_codes_are_kept(card: Card) -> None:
    made = services.make_offer(card.card_id, by=CLERK, at=utc_now())
    access = services.redeem(made.code, made.tx_code, at=utc_now())
    kept = repr(list(Offer.objects.values()))
    assert made.code not in kept
    assert access not in kept
    assert f"'{made.tx_code}'" not in kept


def test_offers_are_limited_by_the_hour(card: Card, resident: Client) -> None:
    for _ in range(services.OFFERS_PER_HOUR):
        services.make_offer(card.card_id, by=CLERK, at=utc_now())
    page = resident.post("/code/wallet/")
    assert page.status_code == 422
    assert "一小时内" in page.content.decode()


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code"}, "invalid_request"),
        (
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
                "pre-authorized_code": "nobody's",
                "tx_code": "000000",
            },
            "invalid_grant",
        ),
    ],
)
def test_the_token_endpoint_names_faults_as_the_specification_does(
    wallet: Wallet, form: dict[str, str], error: str
) -> None:
    answer = wallet.http.post("/openid/token", data=form or {"x": "y"})
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert "no-store" in answer.headers["Cache-Control"]


def fresh_access(resident: Client, wallet: Wallet) -> str:
    return str(wallet.redeem(*offered(resident)).json()["access_token"])


def nonce(wallet: Wallet) -> str:
    return str(wallet.http.post("/openid/nonce").json()["c_nonce"])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://elsewhere.example"}, "invalid_proof"),
        ({"iat": 1}, "invalid_proof"),
        ({"iat": "now"}, "invalid_proof"),
        ({"typ": "JWT"}, "invalid_proof"),
        ({"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}, "invalid_proof"),
        ({"jwk": {}}, "invalid_proof"),
        ({"nonce": "made up"}, "invalid_nonce"),
        ({"nonce": None}, "invalid_nonce"),
    ],
)
def test_a_proof_that_proves_nothing_is_refused_and_may_be_mended(
    resident: Client, wallet: Wallet, changes: dict[str, object], error: str
) -> None:
    access = fresh_access(resident, wallet)
    answer = wallet.ask_credential(ORIGIN, access, wallet.proof(ORIGIN, nonce(wallet), **changes))
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert not Credential.objects.exists()
    assert wallet.ask_credential(ORIGIN, access, wallet.proof(ORIGIN, nonce(wallet))).status_code == 200


def test_a_proof_with_a_private_key_in_it_is_refused(resident: Client, wallet: Wallet) -> None:
    proof = wallet.proof(ORIGIN, nonce(wallet), jwk=wallet.key.as_dict(private=True))
    answer = wallet.ask_credential(ORIGIN, fresh_access(resident, wallet), proof)
    assert answer.json() == {"error": "invalid_proof"}


def test_a_nonce_is_used_once_and_not_for_long(resident: Client, wallet: Wallet, card: Card) -> None:
    used = nonce(wallet)
    assert wallet.ask_credential(ORIGIN, fresh_access(resident, wallet), wallet.proof(ORIGIN, used)).status_code == 200
    again = wallet.ask_credential(ORIGIN, fresh_access(resident, wallet), wallet.proof(ORIGIN, used))
    assert again.json() == {"error": "invalid_nonce"}
    old = services.fresh_nonce(utc_now() - services.NONCE_LIFE - timedelta(seconds=1))
    late = wallet.ask_credential(ORIGIN, fresh_access(resident, wallet), wallet.proof(ORIGIN, old))
    assert late.json() == {"error": "invalid_nonce"}


def test_an_access_token_gets_one_credential(resident: Client, wallet: Wallet) -> None:
    access = fresh_access(resident, wallet)
    assert wallet.ask_credential(ORIGIN, access, wallet.proof(ORIGIN, nonce(wallet))).status_code == 200
    for token in (access, "made up", ""):
        answer = wallet.ask_credential(ORIGIN, token, wallet.proof(ORIGIN, nonce(wallet)))
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_token"})
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_other_configurations_and_forms_are_refused(resident: Client, wallet: Wallet) -> None:
    access, proof = fresh_access(resident, wallet), wallet.proof(ORIGIN, nonce(wallet))
    headers = {"Authorization": f"Bearer {access}"}
    bodies = [
        ({}, "invalid_credential_request"),
        ({"credential_configuration_id": "other", "proofs": {"jwt": [proof]}}, "unknown_credential_configuration"),
        ({"credential_identifier": "x", "proofs": {"jwt": [proof]}}, "unknown_credential_identifier"),
        ({"credential_configuration_id": "social_security_card", "proofs": {"jwt": [proof, proof]}}, "invalid_proof"),
        ({"credential_configuration_id": "social_security_card", "proof": {"jwt": proof}}, "invalid_proof"),
        ({"credential_configuration_id": "social_security_card", "proofs": {"attestation": [proof]}}, "invalid_proof"),
        ({"credential_response_encryption": {}}, "invalid_encryption_parameters"),
    ]
    for body, error in bodies:
        answer = wallet.http.post("/openid/credential", json=body, headers=headers)
        assert (answer.status_code, answer.json()) == (400, {"error": error}), body
    for octets in (b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 100_000):
        answer = wallet.http.post(
            "/openid/credential", content=octets, headers=headers | {"Content-Type": "application/json"}
        )
        assert answer.status_code == 400


def test_nothing_is_issued_for_a_card_lost_in_between(resident: Client, wallet: Wallet, card: Card) -> None:
    access = fresh_access(resident, wallet)
    issuance.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
    answer = wallet.ask_credential(ORIGIN, access, wallet.proof(ORIGIN, nonce(wallet)))
    assert (answer.status_code, answer.json()) == (400, {"error": "credential_request_denied"})
    page = resident.post("/code/wallet/")
    assert (page.status_code, "已挂失" in page.content.decode()) == (422, True)


def test_what_is_past_use_is_forgotten(resident: Client, wallet: Wallet) -> None:
    wallet.accept(*offered(resident))
    assert forget_past(at=utc_now()) == 0
    assert forget_past(at=utc_now() + timedelta(hours=2)) == 2
    assert not Offer.objects.exists()
    assert not UsedNonce.objects.exists()
    assert Credential.objects.count() == 1
