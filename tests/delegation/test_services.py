"""Giving, asking for and ending a right to act: once, in time, limited, and gone at once when it ends."""

import re
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.cast import CLERK, NOON, active_card, application_for, made_card, make_bank, make_guardian, make_person
from yikatong.accounts.models import ConsoleMessage
from yikatong.applications.rules import Reason as ApplicationReason
from yikatong.applications.services import submit
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.delegation import rules
from yikatong.delegation.models import Delegation
from yikatong.delegation.rules import Act, Reason
from yikatong.delegation.selectors import delegate_ids_of, may_act, principals_of
from yikatong.delegation.services import Terms, ask, confirm, forget_old, give, record_in_person, revoke
from yikatong.foundation.errors import Refused
from yikatong.issuance import services as issuance
from yikatong.issuance.rules import Reason as CardReason
from yikatong.registry.models import Guardianship, Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view, wards_of

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 2)
TERMS = Terms(acts=(Act.APPLY, Act.ACTIVATE), until=date(2027, 11, 1))


def as_resident(person: Person) -> Actor:
    return Actor("resident", str(person.person_id))


def mother_and_son() -> tuple[Person, Person]:
    return make_person(1, born=date(1950, 3, 1), category="retiree"), make_person(2)


def given(principal: Person, agent: Person, terms: Terms = TERMS, *, at: datetime = NOON) -> Delegation:
    by = as_resident(principal)
    return give(principal.person_id, agent.person_id, terms, delegation_id=uuid4(), by=by, at=at)


def asked(agent: Person, principal: Person, *, at: datetime = NOON) -> tuple[UUID, str]:
    """Asked for; the code in the last message, if there was one."""
    view = clear_view(principal)
    before = ConsoleMessage.objects.count()
    number = ask(agent, view.phone, view.identity_number[-4:], TERMS, by=as_resident(agent), at=at)
    return number, last_code() if ConsoleMessage.objects.count() > before else ""


def last_text() -> str:
    sealed = ConsoleMessage.objects.order_by("-message_id").first()
    assert sealed
    return field_cipher().open("sms", bytes(sealed.body_sealed))


def last_code() -> str:
    found = re.search(r"验证码 (\d{6})", last_text())
    assert found
    return found[1]


def reason_of(what: object, *args: object, **kwargs: object) -> object:
    with pytest.raises(Refused) as caught:
        what(*args, **kwargs)  # type: ignore[operator]
    return caught.value.reason


def test_what_was_given_can_be_done_and_nothing_else() -> None:
    mother, son = mother_and_son()
    outlet = make_bank()
    by = as_resident(son)
    wish = application_for(mother, outlet, acting_person_id=son.person_id)
    assert reason_of(submit, wish, by=by, at=NOON) == ApplicationReason.NOT_ALLOWED_TO_ACT
    given(mother, son)
    application = submit(wish, by=by, at=NOON)
    assert application.applicant_person_id == son.person_id
    card = issuance.produce_card(mother.person_id, application.application_id, at=NOON)
    assert card
    issuance.mark_ready(card.card_id, by=CLERK, at=NOON)
    issuance.hand_over(card.card_id, by=CLERK, at=NOON)
    issuance.activate_social_function(card.card_id, by=by, at=NOON)
    assert reason_of(issuance.pre_report_loss, card.card_id, by=by, at=NOON) == CardReason.NOT_THE_HOLDER
    stranger = as_resident(make_person(3))
    assert reason_of(issuance.activate_social_function, card.card_id, by=stranger, at=NOON) == CardReason.NOT_THE_HOLDER
    assert AuditEvent.objects.get(action="delegation.given").details["agent_person_id"] == son.person_id


@pytest.mark.parametrize("who", ["principal", "agent", "staff"])
def test_a_revoked_right_ends_at_once(who: str) -> None:
    mother, son = mother_and_son()
    delegation = given(mother, son)
    by = {"principal": as_resident(mother), "agent": as_resident(son), "staff": CLERK}[who]
    assert may_act(son.person_id, mother, Act.APPLY, TODAY)
    for _ in range(2):
        revoke(delegation.delegation_id, principal_person_id=mother.person_id, by=by, at=NOON)
    assert not may_act(son.person_id, mother, Act.APPLY, TODAY)
    assert principals_of(son.person_id, Act.APPLY, TODAY) == []
    assert AuditEvent.objects.filter(action="delegation.revoked").count() == 1


def test_nobody_else_revokes() -> None:
    mother, son = mother_and_son()
    delegation = given(mother, son)
    by = as_resident(make_person(3))
    assert (
        reason_of(revoke, delegation.delegation_id, principal_person_id=mother.person_id, by=by, at=NOON)
        == Reason.PERSON_UNKNOWN
    )
    assert may_act(son.person_id, mother, Act.APPLY, TODAY)


@pytest.mark.parametrize(
    ("on", "holds"),
    [(TODAY - timedelta(days=1), False), (TODAY, True), (TERMS.until, True), (TERMS.until + timedelta(days=1), False)],
)
def test_a_right_holds_between_its_days(on: date, holds: bool) -> None:
    mother, son = mother_and_son()
    given(mother, son)
    assert (son.person_id in delegate_ids_of(mother.person_id, Act.APPLY, on)) is holds
    assert son.person_id not in delegate_ids_of(mother.person_id, Act.REPORT_LOSS, on)


def test_giving_twice_gives_once_and_only_the_principal_gives() -> None:
    mother, son = mother_and_son()
    number = uuid4()
    for _ in range(2):
        give(mother.person_id, son.person_id, TERMS, delegation_id=number, by=as_resident(mother), at=NOON)
    assert Delegation.objects.count() == 1
    other = Terms(acts=(Act.FOLLOW,), until=TERMS.until)
    again = {"delegation_id": number, "by": as_resident(mother), "at": NOON}
    assert reason_of(give, mother.person_id, son.person_id, other, **again) == Reason.ID_REUSED
    forged = {"delegation_id": uuid4(), "by": as_resident(son), "at": NOON}
    assert reason_of(give, mother.person_id, son.person_id, TERMS, **forged) == Reason.PERSON_UNKNOWN


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(acts=(), until=TERMS.until), Reason.ACTS_MISSING),
        (Terms(acts=("everything",), until=TERMS.until), Reason.ACTS_MISSING),
        (Terms(acts=TERMS.acts, until=TODAY - timedelta(days=1)), Reason.UNTIL_WRONG),
        (Terms(acts=TERMS.acts, until=date(2029, 11, 3)), Reason.UNTIL_WRONG),
    ],
)
def test_wrong_terms_are_refused(terms: Terms, reason: Reason) -> None:
    mother, son = mother_and_son()
    arguments = {"delegation_id": uuid4(), "by": as_resident(mother), "at": NOON}
    assert reason_of(give, mother.person_id, son.person_id, terms, **arguments) == reason


def test_minors_give_and_take_no_right() -> None:
    mother, _ = mother_and_son()
    child = make_person(5, born=date(2012, 1, 1), category="minor")
    arguments = {"delegation_id": uuid4(), "at": NOON}
    for principal, agent, reason in (
        (child, mother, Reason.PRINCIPAL_UNDER_AGE),
        (mother, child, Reason.AGENT_UNDER_AGE),
        (mother, mother, Reason.SAME_PERSON),
    ):
        by = as_resident(principal)
        assert reason_of(give, principal.person_id, agent.person_id, TERMS, by=by, **arguments) == reason


def test_no_more_than_five_act_for_one() -> None:
    mother, _ = mother_and_son()
    for serial in range(10, 10 + rules.AGENTS_MAX):
        given(mother, make_person(serial))
    assert reason_of(given, mother, make_person(30)) == Reason.TOO_MANY


def test_the_code_goes_to_the_principal_and_names_who_asks_for_what() -> None:
    mother, son = mother_and_son()
    number, code = asked(son, mother)
    text = last_text()
    assert "申请、启用" in text
    assert "2027-11-01" in text
    assert clear_view(son).name not in text
    assert ConsoleMessage.objects.get().to_masked.endswith(clear_view(mother).phone[-4:])
    for _ in range(2):
        confirm(son, number, f" {code} ", by=as_resident(son), at=NOON)
    delegation = Delegation.objects.get()
    assert (delegation.proof, delegation.agent_person_id) == ("code", son.person_id)
    assert may_act(son.person_id, mother, Act.ACTIVATE, TODAY)


def test_five_wrong_codes_spoil_the_right_one() -> None:
    mother, son = mother_and_son()
    number, code = asked(son, mother)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(rules.CODE_TRIES_MAX):
        assert reason_of(confirm, son, number, wrong, by=as_resident(son), at=NOON) == Reason.CODE_WRONG
    assert reason_of(confirm, son, number, code, by=as_resident(son), at=NOON) == Reason.CODE_WRONG


def test_a_late_code_and_anothers_code_are_refused() -> None:
    mother, son = mother_and_son()
    number, code = asked(son, mother)
    late = NOON + rules.CODE_LASTS
    assert reason_of(confirm, son, number, code, by=as_resident(son), at=late) == Reason.CODE_WRONG
    number, code = asked(son, mother)
    thief = make_person(9)
    assert reason_of(confirm, thief, number, code, by=as_resident(thief), at=NOON) == Reason.CODE_WRONG
    assert not Delegation.objects.exists()


def test_asking_about_nobody_looks_like_asking_about_somebody() -> None:
    _, son = mother_and_son()
    number = ask(son, "10299999999", "1234", TERMS, by=as_resident(son), at=NOON)
    assert isinstance(number, UUID)
    assert not ConsoleMessage.objects.exists()
    assert reason_of(confirm, son, number, "123456", by=as_resident(son), at=NOON) == Reason.CODE_WRONG


def test_ones_own_phone_proves_nothing() -> None:
    mother, son = mother_and_son()
    Person.objects.filter(pk=mother.pk).update(phone_sealed=son.phone_sealed, phone_index=son.phone_index)
    mother.refresh_from_db()
    view = clear_view(mother)
    by = as_resident(son)
    assert reason_of(ask, son, view.phone, view.identity_number[-4:], TERMS, by=by, at=NOON) == Reason.PHONE_IS_OWN


def test_codes_and_guesses_are_limited_by_day() -> None:
    mother, son = mother_and_son()
    sent = [bool(asked(son, mother)[1]) for _ in range(rules.DAILY_CODES_MAX + 1)]
    assert sent == [True] * rules.DAILY_CODES_MAX + [False]
    for _ in range(rules.DAILY_TRIES_MAX - rules.DAILY_CODES_MAX - 1):
        asked(son, mother)
    assert reason_of(asked, son, mother) == Reason.TOO_MANY_TRIES
    asked(son, mother, at=NOON + timedelta(days=1))
    assert forget_old(at=NOON + timedelta(days=30)) > 0


def test_in_person_needs_staff_and_evidence_and_tells_the_principal(
    django_capture_on_commit_callbacks: object,
) -> None:
    mother, son = mother_and_son()
    arguments = {"delegation_id": uuid4(), "at": NOON}
    refused = reason_of(
        record_in_person, mother.person_id, son.person_id, TERMS, evidence="seen", by=as_resident(son), **arguments
    )
    assert refused == Reason.PERSON_UNKNOWN
    assert (
        reason_of(record_in_person, mother.person_id, son.person_id, TERMS, evidence=" ", by=CLERK, **arguments)
        == Reason.EVIDENCE_MISSING
    )
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        record_in_person(
            mother.person_id,
            son.person_id,
            TERMS,
            evidence="双方身份证原件",
            by=CLERK,
            **arguments,  # type: ignore[arg-type]
        )
    assert "现在可以代办" in last_text()
    kept = Delegation.objects.get()
    assert field_cipher().open("evidence", bytes(kept.evidence_sealed or b"")) == "双方身份证原件"


def test_a_child_who_comes_of_age_is_a_ward_no_more() -> None:
    mother, _ = mother_and_son()
    child = make_person(5, born=date(2008, 11, 3), category="minor")
    make_guardian(child, mother)
    eve, birthday = date(2026, 11, 2), date(2026, 11, 3)
    assert may_act(mother.person_id, child, Act.APPLY, eve)
    assert wards_of(mother.person_id, eve) == [child]
    assert not may_act(mother.person_id, child, Act.APPLY, birthday)
    assert wards_of(mother.person_id, birthday) == []
    Guardianship.objects.update(since=birthday)  # an office recorded it for an adult who cannot act
    assert may_act(mother.person_id, child, Act.APPLY, birthday)


def test_a_minors_card_is_the_guardians_whatever_was_given() -> None:
    mother, son = mother_and_son()
    child = make_person(5, born=date(2012, 1, 1), category="minor")
    make_guardian(child, mother)
    Delegation.objects.create(
        principal_person_id=child.person_id,
        delegation_id=uuid4(),
        agent_person_id=son.person_id,
        acts=list(Act),
        since=TODAY,
        until=TERMS.until,
        proof="in_person",
        made_at=NOON,
        made_by="clerk:test",
    )
    wish = application_for(child, make_bank(), acting_person_id=son.person_id)
    assert reason_of(submit, wish, by=as_resident(son), at=NOON) == ApplicationReason.GUARDIAN_REQUIRED


def test_an_active_card_is_lost_by_whom_was_given_that() -> None:
    mother, son = mother_and_son()
    card = active_card(mother, make_bank())
    given(mother, son, Terms(acts=(Act.REPORT_LOSS,), until=TERMS.until))
    assert issuance.pre_report_loss(card.card_id, by=as_resident(son), at=NOON).pre_reported_lost_at == NOON


@pytest.mark.parametrize("given_act", [Act.COLLECT, Act.ACTIVATE])
def test_a_card_is_handed_to_whom_was_given_the_right_to_collect_it(given_act: Act) -> None:
    mother, son = mother_and_son()
    card = made_card(mother, make_bank())
    issuance.mark_ready(card.card_id, by=CLERK, at=NOON)
    given(mother, son, Terms(acts=(given_act,), until=TERMS.until))
    presented = {"agent_person_id": son.person_id, "by": CLERK, "at": NOON}
    if given_act is Act.COLLECT:
        assert issuance.hand_over(card.card_id, **presented).state == "collected"  # type: ignore[arg-type]
        assert AuditEvent.objects.get(action="card.collected").details == {"agent_person_id": son.person_id}
    else:
        assert reason_of(issuance.hand_over, card.card_id, **presented) == CardReason.NOT_THE_HOLDER
