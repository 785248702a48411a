"""Agreeing and taking back; codes; requests about data."""

import re
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from tests.cast import CLERK, NOON, make_guardian, make_person
from yikatong.accounts.models import ConsoleMessage
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.consent import codes, requests
from yikatong.consent.models import ConfirmationCode, ConsentEntry, DataRequest
from yikatong.consent.rules import Reason
from yikatong.consent.selectors import consents_of, has_consent
from yikatong.consent.services import give, withdraw
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.services import change_phone

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 2)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def self_of(person: Person) -> Actor:
    return Actor("resident", str(person.person_id))


def last_code() -> str:
    newest = ConsoleMessage.objects.latest("message_id")
    found = re.search(r"验证码 (\d{6})", field_cipher().open("sms", bytes(newest.body_sealed)))
    assert found
    return found[1]


def refused_for(command: object, *arguments: object, **options: object) -> str:
    with pytest.raises(Refused) as refused:
        command(*arguments, **options)  # type: ignore[operator]
    return str(refused.value.reason)


def test_what_is_given_counts_until_it_is_taken_back_and_all_of_it_is_kept() -> None:
    person = make_person(1)
    by = self_of(person)
    assert not has_consent(person.person_id, "photo", on=TODAY)
    for _ in range(2):
        give(person.person_id, "photo", by=by, at=NOON)
    assert has_consent(person.person_id, "photo", on=TODAY)
    for _ in range(2):
        withdraw(person.person_id, "photo", by=by, at=NOON + MINUTE)
    assert not has_consent(person.person_id, "photo", on=TODAY)
    give(person.person_id, "photo", by=by, at=NOON + 2 * MINUTE)
    assert list(ConsentEntry.objects.order_by("entry_id").values_list("is_given", flat=True)) == [True, False, True]
    told = AuditEvent.objects.filter(person_id=person.person_id).order_by("event_id").values_list("action", flat=True)
    assert list(told) == ["consent.given", "consent.withdrawn", "consent.given"]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ConsentEntry.objects.update(is_given=False)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ConsentEntry.objects.all().delete()


def test_what_is_on_at_first_can_be_switched_off_and_an_unknown_purpose_is_never_agreed_to() -> None:
    person = make_person(1)
    assert has_consent(person.person_id, "usage_list", on=TODAY)
    withdraw(person.person_id, "usage_list", by=self_of(person), at=NOON)
    assert not has_consent(person.person_id, "usage_list", on=TODAY)
    assert not has_consent(person.person_id, "selling", on=TODAY)
    assert refused_for(give, person.person_id, "selling", by=self_of(person), at=NOON) == Reason.PURPOSE_UNKNOWN
    asked = {view.text.code: view.is_given for view in consents_of(person, on=TODAY)}
    assert asked == {"photo": False, "health": False, "usage_list": False, "message_service": False}


def test_a_childs_guardian_agrees_and_nobody_else() -> None:
    child, mother, stranger = make_person(1, born=date(2015, 1, 1), category="minor"), make_person(2), make_person(3)
    make_guardian(child, mother)
    assert {view.text.code for view in consents_of(child, on=TODAY)} >= {"child", "photo"}
    for person in (child, stranger):
        reason = refused_for(give, child.person_id, "child", by=self_of(person), at=NOON)
        assert reason == Reason.GUARDIAN_AGREES
    claims = {"by": self_of(stranger), "by_person_id": mother.person_id}
    assert refused_for(give, child.person_id, "child", at=NOON, **claims) == Reason.NOT_YOURS_TO_GIVE
    entry = give(child.person_id, "child", by=self_of(mother), at=NOON)
    assert entry is not None
    assert entry.by_person_id == mother.person_id
    assert has_consent(child.person_id, "child", on=TODAY)
    assert (
        give(child.person_id, "photo", by=CLERK, by_person_id=mother.person_id, channel="outlet", at=NOON) is not None
    )


def test_a_code_confirms_its_own_act_once() -> None:
    person = make_person(1)
    told = codes.send(person, "activate:1", what="启用新卡", by=self_of(person), at=NOON)
    assert told == "102****0001"
    code = last_code()
    me = person.person_id
    assert refused_for(codes.check, me, "activate:2", code, at=NOON) == Reason.CODE_EXPIRED, "another act"
    other = make_person(2)
    assert refused_for(codes.check, other.person_id, "activate:1", code, at=NOON) == Reason.CODE_EXPIRED
    code_id = codes.check(me, "activate:1", f" {code[:3]} {code[3:]}", at=NOON + SECOND)
    codes.spend(me, code_id, at=NOON + SECOND)
    assert refused_for(codes.spend, me, code_id, at=NOON + SECOND) == Reason.CODE_USED
    assert refused_for(codes.check, me, "activate:1", code, at=NOON + SECOND) == Reason.CODE_USED
    assert code not in str(list(ConfirmationCode.objects.values()))


def test_a_code_lasts_five_minutes_and_five_mistakes_and_a_new_one_ends_the_old() -> None:
    person = make_person(1)
    me, act = person.person_id, "export"
    codes.send(person, act, what="导出", by=self_of(person), at=NOON)
    first = last_code()
    wrong = f"{(int(first) + 1) % 10**6:06d}"
    for _ in range(5):
        assert refused_for(codes.check, me, act, wrong, at=NOON) == Reason.CODE_WRONG
    assert refused_for(codes.check, me, act, first, at=NOON) == Reason.TOO_MANY_TRIES
    send = {"what": "导出", "by": self_of(person)}
    assert refused_for(codes.send, person, act, at=NOON + 59 * SECOND, **send) == Reason.SENT_JUST_NOW
    codes.send(person, act, at=NOON + MINUTE, **send)  # type: ignore[arg-type]
    second = last_code()
    if first != second:
        assert refused_for(codes.check, me, act, first, at=NOON + MINUTE) == Reason.CODE_WRONG
    assert codes.check(me, act, second, at=NOON + 6 * MINUTE - SECOND)
    assert refused_for(codes.check, me, act, second, at=NOON + 6 * MINUTE) == Reason.CODE_EXPIRED
    for minute in (2, 3, 4):
        codes.send(person, act, at=NOON + minute * MINUTE, **send)  # type: ignore[arg-type]
    assert refused_for(codes.send, person, act, at=NOON + 5 * MINUTE, **send) == Reason.TOO_MANY_CODES


def test_without_a_phone_no_code_and_a_provider_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_person(1)

    def fails(phone: str, text: str) -> None:
        raise ConnectionError(phone)

    with monkeypatch.context() as patched:
        patched.setattr(codes.messages, "send", fails)
        reason = refused_for(codes.send, person, "export", what="导出", by=self_of(person), at=NOON)
    assert (reason, ConfirmationCode.objects.count()) == (Reason.NOT_SENT, 0)
    change_phone(person.person_id, "", by=CLERK, at=NOON)
    person.refresh_from_db()
    assert refused_for(codes.send, person, "export", what="导出", by=self_of(person), at=NOON) == Reason.NO_PHONE


def test_a_request_is_made_once_sealed_and_answered_once() -> None:
    person, number = make_person(1), uuid4()
    me = person.person_id
    wish = {"kind": "deletion", "by_person_id": me, "by": self_of(person), "at": NOON}
    for _ in range(2):
        requests.ask(me, number, text="删除我的照片", **wish)  # type: ignore[arg-type]
    assert refused_for(requests.ask, me, number, text="另一份", **wish) == Reason.REQUEST_DIFFERS
    assert refused_for(requests.ask, me, uuid4(), text=" ", **wish) == Reason.TEXT_MISSING
    assert refused_for(requests.ask, me, uuid4(), text="长" * 501, **wish) == Reason.TEXT_TOO_LONG
    made = DataRequest.objects.get()
    assert "照片".encode() not in bytes(made.text_sealed)
    assert made.due_on == date(2026, 11, 17)
    assert [each.request_id for each in requests.open_requests()] == [number]
    requests.answer(me, number, "制卡记录依法保留", by=Actor("staff", "centre"), at=NOON)
    again = {"by": Actor("staff", "centre"), "at": NOON}
    assert refused_for(requests.answer, me, number, "再答", **again) == Reason.ANSWERED_ALREADY
    assert refused_for(requests.answer, me, uuid4(), "答", **again) == Reason.REQUEST_UNKNOWN
    (view,) = requests.requests_of(me)
    assert (view.text, view.answer) == ("删除我的照片", "制卡记录依法保留")
    assert requests.open_requests() == []
