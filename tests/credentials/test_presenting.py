"""A venue asks, a wallet made with the ``sd-jwt`` library answers: believed once, and refused for every fault by its name."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client

from tests.cast import CLERK
from tests.credentials.conftest import ORIGIN, asked, offered
from tests.credentials.wallet import Wallet
from yikatong.accounts.models import Role, User
from yikatong.credentials import questions, statuses
from yikatong.credentials.forgetting import forget_past
from yikatong.credentials.models import Credential, IssuerKey, Question
from yikatong.credentials.presentation import Refusal
from yikatong.foundation.clock import utc_now
from yikatong.issuance import services as issuance
from yikatong.issuance.models import Card
from yikatong.registry.selectors import clear_view, find_person
from yikatong.workbench.verifying_words import REFUSALS


@pytest.fixture
def filled(wallet: Wallet, resident: Client) -> Wallet:
    """A wallet with the card in it."""
    wallet.accept(*offered(resident))
    return wallet


def reason_on(operator: Client, where: str) -> str:
    """Why the venue's page refuses; empty when it does not."""
    found = re.search(r'data-reason="(\w+)"', operator.get(where).content.decode())
    return found[1] if found else ""


def test_a_venue_sees_what_it_asked_for_and_nothing_else(operator: Client, filled: Wallet, card: Card) -> None:
    where, link = asked(operator, "name", "age_over_60")
    assert operator.get(f"{where}state/").json() == {"state": "open"}
    answer = filled.present(link, claims={"name", "age_over_60", "birthdate"})
    assert (answer.status_code, answer.json()) == (200, {})
    page = operator.get(where)
    person = find_person(card.person_id)
    assert person is not None
    assert [value for _, value in page.context["shown"]] == [clear_view(person).name, "否"]
    assert person.birth_date.isoformat() not in page.content.decode(), "more was disclosed than asked, and is not kept"
    assert operator.get(f"{where}state/").json() == {"state": "verified"}


def test_what_was_disclosed_is_sealed_and_gone_after_minutes(operator: Client, filled: Wallet, card: Card) -> None:
    where, link = asked(operator, "name")
    filled.present(link)
    person = find_person(card.person_id)
    assert person is not None
    question = Question.objects.get()
    assert clear_view(person).name.encode() not in bytes(question.disclosed_sealed or b"")
    later = utc_now() + questions.ANSWER_KEPT
    assert questions.answer_of(question, at=later).disclosed == {}
    forget_past(at=later)
    assert operator.get(where).status_code == 404


def test_an_answer_is_taken_once(operator: Client, filled: Wallet) -> None:
    where, link = asked(operator, "name")
    address, form = filled.presentation(link)
    assert filled.http.post(address, data=form).status_code == 200
    again = filled.http.post(address, data=form)
    assert (again.status_code, again.json()["error_description"]) == (400, "presentation_replayed")
    assert reason_on(operator, where) == ""


def test_an_answer_to_one_question_is_none_to_another(operator: Client, filled: Wallet) -> None:
    _, first = asked(operator, "name")
    where, second = asked(operator, "name")
    _, stolen = filled.presentation(first)
    address, own = filled.presentation(second)
    answer = filled.http.post(address, data=own | {"vp_token": stolen["vp_token"]})
    assert answer.json()["error_description"] == "audience_wrong"
    assert reason_on(operator, where) == "audience_wrong"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": "another"}, Refusal.NONCE_WRONG),
        ({"aud": "redirect_uri:https://elsewhere.example"}, Refusal.AUDIENCE_WRONG),
    ],
)
def test_a_binding_for_something_else_is_refused(
    operator: Client, filled: Wallet, changes: dict[str, str], reason: str
) -> None:
    where, link = asked(operator, "name")
    assert filled.present(link, **changes).json()["error_description"] == reason
    assert reason_on(operator, where) == reason


def test_what_is_missing_is_refused(operator: Client, filled: Wallet) -> None:
    where, link = asked(operator, "name", "birthdate")
    filled.present(link, claims={"name"})
    assert reason_on(operator, where) == Refusal.CLAIMS_MISSING


def _without_binding(text: str) -> str:
    return text.rpartition("~")[0] + "~"


def _other_value(text: str) -> str:
    token, _, binding = text.split("~")
    return f"{token}~WyJzYWx0IiwibmFtZSIsIlNvbWVib2R5Il0~{binding}"


def _other_signature(text: str) -> str:
    token, rest = text.split("~", 1)
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'A' * 10}{signature[10:]}~{rest}"


def _twice(text: str) -> str:
    token, shown, binding = text.split("~")
    return "~".join([token, shown, shown, binding])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_without_binding, Refusal.HOLDER_BINDING_WRONG),
        (_other_value, Refusal.DISCLOSURE_WRONG),
        (_twice, Refusal.DISCLOSURE_WRONG),
        (_other_signature, Refusal.ISSUER_SIGNATURE_WRONG),
        (lambda text: text.partition("~")[0], Refusal.PRESENTATION_MALFORMED),
        (lambda _: "", Refusal.PRESENTATION_MALFORMED),
    ],
    ids=["no binding", "other value", "disclosure twice", "other signature", "no tilde", "nothing"],
)
def test_a_spoiled_presentation_is_refused(operator: Client, filled: Wallet, spoil: object, reason: str) -> None:
    where, link = asked(operator, "name")
    address, form = filled.presentation(link)
    text = json.loads(form["vp_token"])["card"][0]
    form["vp_token"] = json.dumps({"card": [spoil(text)]})  # type: ignore[operator]
    assert filled.http.post(address, data=form).json()["error_description"] == reason
    assert reason_on(operator, where) == reason


@pytest.mark.parametrize(
    "vp_token", ["", "[]", "{}", '{"card": []}', '{"card": ["a", "b"]}', '{"other": ["a"]}', "\ud83d"]
)
def test_what_is_no_answer_is_refused(operator: Client, filled: Wallet, vp_token: str) -> None:
    where, link = asked(operator, "name")
    address, form = filled.presentation(link)
    octets = vp_token.encode("utf-8", "surrogatepass")
    filled.http.post(address, data=form | {"vp_token": octets})
    assert reason_on(operator, where) == Refusal.PRESENTATION_MALFORMED


def test_somebody_elses_key_binds_nothing(operator: Client, filled: Wallet) -> None:
    thief = Wallet(filled.http)
    thief.credential = filled.credential
    where, link = asked(operator, "name")
    thief.present(link)
    assert reason_on(operator, where) == Refusal.HOLDER_BINDING_WRONG


def test_another_issuers_credential_is_refused(operator: Client, filled: Wallet) -> None:
    IssuerKey.objects.update(key_id="another")
    where, link = asked(operator, "name")
    filled.present(link)
    assert reason_on(operator, where) == Refusal.ISSUER_UNKNOWN


def test_a_holder_may_decline(operator: Client, filled: Wallet) -> None:
    where, link = asked(operator, "name")
    address, form = filled.presentation(link)
    answer = filled.http.post(address, data={"error": "access_denied", "state": form["state"]})
    assert answer.status_code == 200
    assert reason_on(operator, where) == Refusal.WALLET_DECLINED


def test_a_question_ends_after_its_minutes_and_a_strangers_state_is_nothing(operator: Client, filled: Wallet) -> None:
    where, link = asked(operator, "name")
    address, form = filled.presentation(link)
    assert filled.http.post(address, data=form | {"state": "x"}).json()["error_description"] == "request_unknown"
    assert (
        filled.http.post(f"{ORIGIN}/openid/presentations/x", data=form).json()["error_description"] == "request_unknown"
    )
    Question.objects.update(expires_at=utc_now() - timedelta(seconds=1))
    assert filled.http.post(address, data=form).json()["error_description"] == "request_expired"
    assert reason_on(operator, where) == Refusal.REQUEST_EXPIRED


def test_an_answer_is_for_whoever_asked(operator: Client) -> None:
    where, _ = asked(operator, "name")
    other = Client()
    other.force_login(User.objects.create(username="other", role=Role.OPERATOR, operator_code="BJMETRO"))
    assert other.get(where).status_code == 404
    assert other.get(f"{where}state/").status_code == 404


def test_asking_for_nothing_is_told_at_the_field(operator: Client) -> None:
    for form in ({}, {"claim": ["password"]}):
        page = operator.post("/work/verify/", form)
        assert page.status_code == 422
        assert 'href="#claim-name"' in page.content.decode()


def test_every_refusal_has_words() -> None:
    assert set(REFUSALS) == set(Refusal)


def test_a_lost_card_is_suspended_found_again_and_ended(operator: Client, filled: Wallet, card: Card) -> None:
    def said() -> str:
        where, link = asked(operator, "name")
        filled.present(link)
        return reason_on(operator, where)

    assert said() == ""
    issuance.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
    assert said() == Refusal.CREDENTIAL_SUSPENDED
    issuance.withdraw_pre_report(card.card_id, by=CLERK, at=utc_now())
    assert said() == ""
    issuance.report_loss(card.card_id, by=CLERK, at=utc_now())
    assert said() == Refusal.CREDENTIAL_REVOKED


def test_stopping_all_ends_wallets_too_and_signs_others_out(resident: Client, operator: Client, filled: Wallet) -> None:
    elsewhere = Client()
    elsewhere.force_login(User.objects.get(username="r"))
    stopped = resident.post("/code/stop/")
    assert (stopped.status_code, stopped.headers["Clear-Site-Data"]) == (302, '"storage"')
    assert resident.get("/code/manage/").status_code == 200
    assert elsewhere.get("/code/manage/").status_code == 302, "signed out elsewhere"
    where, link = asked(operator, "name")
    filled.present(link)
    assert reason_on(operator, where) == Refusal.CREDENTIAL_REVOKED


def test_one_wallet_is_stopped_by_itself(resident: Client, operator: Client, filled: Wallet) -> None:
    other = Wallet(filled.http)
    other.accept(*offered(resident))
    first = Credential.objects.order_by("issued_at")[0]
    resident.post("/code/wallet/revoke/", {"credential": str(first.credential_id)})
    resident.post("/code/wallet/revoke/", {"credential": "x"})
    for wallet, reason in ((filled, Refusal.CREDENTIAL_REVOKED), (other, "")):
        where, link = asked(operator, "name")
        wallet.present(link)
        assert reason_on(operator, where) == reason
    assert statuses.stop_all(first.card_id, by=CLERK, at=utc_now()) == 1
