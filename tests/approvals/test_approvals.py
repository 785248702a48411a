"""Two people: who may ask, who may decide, once, in time; and what PostgreSQL refuses whatever Python says."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from tests.at_once import at_once
from tests.cast import NOON, make_bank, make_person
from yikatong.accounts.models import Role, User
from yikatong.approvals import services
from yikatong.approvals.models import ApprovalRequest, RequestState
from yikatong.approvals.services import Reason
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view

NEW_PHONE = "10288887777"


def account(name: str, role: str = Role.CARD_CENTRE) -> User:
    return User.objects.create(username=name, role=role)


def ask(by: User, person: Person, **changes: Any) -> ApprovalRequest:
    parameters = {"person_id": person.person_id, "phone": changes.pop("phone", NEW_PHONE)}
    options: dict[str, Any] = {
        "request_id": uuid4(),
        "subject": f"person:{person.person_id}",
        "reason": "本人到场更正",
        "at": NOON,
        "person_id": person.person_id,
    }
    return services.ask("person.phone", parameters, by=by, **(options | changes))


@pytest.mark.django_db
def test_the_second_person_does_it_and_both_are_recorded() -> None:
    person, asker, approver = make_person(1), account("a"), account("b")
    found = ask(asker, person)
    assert clear_view(person).phone != NEW_PHONE
    decision = services.decide(found.request_id, approve=True, note="", by=approver, at=NOON)
    person.refresh_from_db()
    assert decision.request.state == RequestState.EXECUTED
    assert clear_view(person).phone == NEW_PHONE
    trail = {event.action: event for event in AuditEvent.objects.all()}
    assert str(trail["person.phone_changed"].actor) == "staff:a"
    assert str(trail["approval.executed"].actor) == "staff:b"
    assert NEW_PHONE not in str([event.details for event in trail.values()])
    assert NEW_PHONE.encode() not in bytes(found.parameters_sealed)


@pytest.mark.django_db
def test_the_account_of_the_old_phone_gets_out() -> None:
    person = make_person(1)
    user = User.objects.create(
        username="resident", role=Role.RESIDENT, person_id=person.person_id, phone_index=person.phone_index
    )
    user.set_unusable_password()
    user.save()
    before = user.get_session_auth_hash()
    found = ask(account("a"), person)
    services.decide(found.request_id, approve=True, note="", by=account("b"), at=NOON)
    user.refresh_from_db()
    person.refresh_from_db()
    assert bytes(user.phone_index or b"") == bytes(person.phone_index or b"")
    assert user.get_session_auth_hash() != before, "sessions of whoever held the old phone end"


def decided(found: ApprovalRequest, by: User, **changes: Any) -> Any:
    options: dict[str, Any] = {"approve": True, "note": "", "at": NOON}
    return services.decide(found.request_id, by=by, **(options | changes))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "changes", "reason"),
    [
        ("asker", {}, Reason.SELF_APPROVAL),
        ("asker", {"approve": False, "note": "不用了吧"}, Reason.SELF_APPROVAL),
        ("auditor", {}, Reason.NOT_ALLOWED),
        ("resident", {}, Reason.NOT_ALLOWED),
        ("other", {"approve": False, "note": "短"}, Reason.REASON_MISSING),
        ("other", {"at": NOON + timedelta(days=3)}, Reason.EXPIRED),
    ],
    ids=["self", "self rejects", "auditor", "resident", "rejected without a word", "too late"],
)
def test_who_may_not_decide(who: str, changes: dict[str, Any], reason: Reason) -> None:
    person, asker = make_person(1), account("a")
    found = ask(asker, person)
    people = {"asker": asker, "auditor": account("c", Role.AUDITOR), "resident": account("d", Role.RESIDENT)}
    people["other"] = account("b")
    with pytest.raises(Refused) as refused:
        decided(found, people[who], **changes)
    assert refused.value.reason == reason
    person.refresh_from_db()
    assert clear_view(person).phone != NEW_PHONE


@pytest.mark.django_db
def test_decided_once_and_asked_once() -> None:
    person, asker, approver = make_person(1), account("a"), account("b")
    found = ask(asker, person)
    with pytest.raises(Refused) as twice:
        ask(asker, person)
    assert twice.value.reason == Reason.ASKED_ALREADY
    assert ask(asker, person, request_id=found.request_id).pk == found.pk, "sending twice is asking once"
    decided(found, approver, approve=False, note="号码不符")
    with pytest.raises(Refused) as again:
        decided(found, approver)
    assert again.value.reason == Reason.DECIDED_ALREADY
    ask(asker, person)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reason": "短"}, "approval_reason_missing"),
        ({"reason": "长" * 301}, "approval_reason_missing"),
        ({"phone": "123"}, "phone_wrong"),
        ({"phone": "10200000001"}, "phone_wrong"),
    ],
    ids=["no reason", "novel", "no phone", "the same phone"],
)
def test_what_may_not_be_asked(changes: dict[str, Any], reason: str) -> None:
    person = make_person(1)
    with pytest.raises(Refused) as refused:
        ask(account("a"), person, **changes)
    assert str(refused.value.reason) == reason
    assert not ApprovalRequest.objects.exists()


@pytest.mark.django_db
def test_what_the_rules_refuse_fails_and_changes_nothing() -> None:
    """Between asking and approving the person left the register."""
    person, approver = make_person(1), account("b")
    found = ask(account("a"), person)
    Person.objects.filter(pk=person.pk).delete()
    decision = decided(found, approver)
    assert (decision.request.state, decision.request.outcome) == (RequestState.FAILED, "person_unknown")


@pytest.mark.django_db
def test_old_requests_close_by_themselves() -> None:
    found = ask(account("a"), make_person(1))
    assert services.expire_due(at=NOON + timedelta(days=2)) == 0
    assert services.expire_due(at=NOON + timedelta(days=3)) == 1
    found.refresh_from_db()
    assert found.state == RequestState.EXPIRED


@pytest.mark.django_db
def test_only_the_asker_withdraws() -> None:
    asker, other = account("a"), account("b")
    found = ask(asker, make_person(1))
    with pytest.raises(Refused):
        services.withdraw(found.request_id, by=other, at=NOON)
    assert services.withdraw(found.request_id, by=asker, at=NOON).state == RequestState.WITHDRAWN
    assert services.withdraw(found.request_id, by=asker, at=NOON).state == RequestState.WITHDRAWN


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"state": "executed", "decided_by_id": "own", "decided_at": NOON}, IntegrityError),
        ({"state": "executed"}, IntegrityError),
        ({"parameters_digest": b"other"}, ProgrammingError),
        ({"subject": "person:2"}, ProgrammingError),
        ({"requested_by_id": 99}, ProgrammingError),
        ({"expires_at": NOON + timedelta(days=99)}, ProgrammingError),
    ],
    ids=["self-approved", "by nobody", "other parameters", "other person", "other asker", "longer"],
)
def test_postgresql_refuses(change: dict[str, Any], error: type[Exception]) -> None:
    asker = account("a")
    found = ask(asker, make_person(1))
    change = {name: asker.pk if value == "own" else value for name, value in change.items()}
    with pytest.raises((error, IntegrityError, ProgrammingError)), transaction.atomic():
        ApprovalRequest.objects.filter(pk=found.pk).update(**change)


@pytest.mark.django_db
def test_what_was_decided_stays_decided() -> None:
    found = ask(account("a"), make_person(1))
    decided(found, account("b"), approve=False, note="号码不符")
    with pytest.raises((IntegrityError, ProgrammingError)), transaction.atomic():
        ApprovalRequest.objects.filter(pk=found.pk).update(state=RequestState.WAITING)


@pytest.mark.django_db(transaction=True)
def test_two_approvers_at_once_do_it_once() -> None:
    make_bank()
    person = make_person(1)
    found = ask(account("a"), person)
    approvers = iter([account("b"), account("c"), account("d")])

    def approve() -> str:
        try:
            return str(decided(found, next(approvers)).request.state)
        except Refused as refused:
            return str(refused.reason)

    assert sorted(at_once(3, approve)) == sorted([RequestState.EXECUTED, *[Reason.DECIDED_ALREADY] * 2])
    assert AuditEvent.objects.filter(action="person.phone_changed").count() == 1
    assert isinstance(found.request_id, UUID)
