"""Everything brought back counts once; what does not fit is a case, and nothing of it is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.at_once import at_once
from tests.cast import CLERK, HOUR, NOON, active_card, application_for, make_bank
from tests.outreach.makers import (
    ADDRESS,
    BY,
    CENTRE,
    OTHER_STREET,
    World,
    bring,
    completed,
    content_for,
    jpeg,
    make_retiree,
    make_world,
    packaged,
    visit_of,
)
from yikatong.applications.models import Application
from yikatong.applications.rules import Reason as ApplicationReason
from yikatong.applications.services import submit
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Bank
from yikatong.foundation.errors import Refused
from yikatong.issuance.portraits import portrait_of
from yikatong.outreach import devices, planning, uploads
from yikatong.outreach.completed import read_completed
from yikatong.outreach.models import HomeApplication, HomeState, VisitState
from yikatong.outreach.packages import make_package
from yikatong.outreach.rules import Reason
from yikatong.queries.kept import forget_all
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.supervision.models import BankOffer


def test_an_application_taken_at_home(world: World) -> None:
    person = make_retiree(1)
    packaged(world)
    kept = bring(world, person, at=NOON + 3 * HOUR, shown_at=(NOON + HOUR).isoformat())
    assert kept.state == HomeState.ACCEPTED
    application = Application.objects.get(person_id=person.person_id)
    assert (application.channel, application.collection, application.bank_code) == ("outreach", "post", "ICBC")
    assert field_cipher().open("address", bytes(application.address_sealed or b"")) == ADDRESS
    assert portrait_of(person.person_id) is not None
    assert visit_of(person).state == VisitState.DONE
    offer = BankOffer.objects.get(person_id=person.person_id)
    assert (offer.channel, offer.bank_codes, offer.offered_at) == ("outreach", ["ICBC", "ABC"], NOON + HOUR)
    told = AuditEvent.objects.get(action="home_application.received")
    assert (told.actor, told.details["device"], told.person_id) == (
        "outreach:helper",
        str(world.device.device_id),
        person.person_id,
    )
    assert uploads.picture_of(kept.signature_sealed or b"").startswith(b"\x89PNG")
    assert "大女儿".encode() not in bytes(kept.content_sealed or b"")


def test_sent_again_it_is_the_same_and_changed_under_the_same_number_it_is_refused(world: World) -> None:
    person = make_retiree(1)
    packaged(world)
    sent = completed(person)
    first = uploads.take_in(sent, device=world.device, by=BY, at=NOON)
    again = uploads.take_in(sent, device=world.device, by=BY, at=NOON + HOUR)
    assert (again.application_id, again.received_at) == (first.application_id, first.received_at)
    assert Application.objects.count() == HomeApplication.objects.count() == 1
    with pytest.raises(Refused) as refused:
        bring(world, person, application_id=str(sent.application_id), address="另一条街另一号")
    assert refused.value.reason is ApplicationReason.ID_REUSED


@pytest.mark.django_db(transaction=True)
def test_sent_many_times_at_once_it_is_one() -> None:
    world = make_world()
    person = make_retiree(1)
    packaged(world)
    sent = completed(person)
    results = at_once(8, lambda: uploads.take_in(sent, device=world.device, by=BY, at=NOON).state)
    assert set(results) == {HomeState.ACCEPTED}
    assert Application.objects.count() == HomeApplication.objects.count() == 1


def _applies_online(person: Person) -> None:
    submit(application_for(person, make_bank("ABC")), by=CLERK, at=NOON)


def _gets_a_card(person: Person) -> None:
    active_card(person, make_bank("ICBC"))


def _moves(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(community_code=f"{OTHER_STREET}001")


def _changes_category(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(category="resident")


def _dies(person: Person) -> None:
    Person.objects.filter(pk=person.pk).delete()


def _bank_leaves(person: Person) -> None:
    Bank.objects.filter(code="ICBC").update(joined_on=(NOON + timedelta(days=90)).date())
    forget_all()


CONFLICTS: list[tuple[Callable[[Person], None], str, bool]] = [
    (_applies_online, "application_open", False),
    (_gets_a_card, "card_already_held", False),
    (_moves, "person_moved", True),
    (_changes_category, "category_changed", True),
    (_dies, "person_gone", False),
    (_bank_leaves, "bank_not_allowed", False),
]
"""What happened meanwhile, the reason of the case, and whether the card centre can apply after all."""


@pytest.mark.parametrize(("meanwhile", "reason", "can_apply"), CONFLICTS, ids=[reason for _, reason, _ in CONFLICTS])
def test_what_does_not_fit_becomes_a_case(
    world: World, meanwhile: Callable[[Person], None], reason: str, can_apply: bool
) -> None:
    person = make_retiree(1)
    packaged(world)
    sent = completed(person)
    meanwhile(person)
    before = Application.objects.count()
    kept = uploads.take_in(sent, device=world.device, by=BY, at=NOON)
    assert (kept.state, kept.reason) == (HomeState.CONFLICT, reason)
    assert Application.objects.count() == before, "nothing was applied for"
    assert uploads.wished(kept).address == ADDRESS
    assert uploads.picture_of(kept.photo_sealed or b"").startswith(b"\xff\xd8")
    left = uploads.leave_to_centre(kept.person_id, kept.application_id, by=BY, at=NOON, helper="helper")
    assert left.state == HomeState.NOTED
    if can_apply:
        settled = uploads.settle(kept.person_id, kept.application_id, apply=True, by=CENTRE, at=NOON)
        assert (settled.state, settled.photo_sealed) == (HomeState.ACCEPTED, None)
        assert Application.objects.filter(application_id=kept.application_id).exists()
        assert portrait_of(person.person_id) is not None
    else:
        with pytest.raises(Refused):
            uploads.settle(kept.person_id, kept.application_id, apply=True, by=CENTRE, at=NOON)
        settled = uploads.settle(kept.person_id, kept.application_id, apply=False, by=CENTRE, at=NOON)
        assert (settled.state, settled.photo_sealed) == (HomeState.SETTLED, None)
        assert Application.objects.count() == before


def test_two_helpers_did_it(world: World) -> None:
    person = make_retiree(1)
    packaged(world)
    planning.assign_helper("second", visit_of(person).street_code, by=CENTRE, at=NOON)
    other, _ = devices.register("second", "三号平板", by=BY, at=NOON)
    visit_id = visit_of(person).visit_id
    uploads_of_second = content_for(visit_id)
    type(visit_of(person)).objects.filter(visit_id=visit_id).update(helper="second")
    make_package(other, by=BY, at=NOON)
    bring(world, person)
    sent = read_completed(msgspec.json.encode(uploads_of_second))
    kept = uploads.take_in(sent, device=other, by=BY, at=NOON + HOUR)
    assert (kept.state, kept.reason) == (HomeState.CONFLICT, "application_open")
    assert Application.objects.count() == 1


def test_a_discarded_case_keeps_nothing_of_its_content(world: World) -> None:
    person = make_retiree(1)
    packaged(world)
    sent = completed(person)
    _applies_online(person)
    kept = uploads.take_in(sent, device=world.device, by=BY, at=NOON)
    with pytest.raises(Refused) as refused:
        uploads.discard(kept.person_id, kept.application_id, by=BY, at=NOON, helper="somebody else")
    assert refused.value.reason is Reason.CASE_UNKNOWN
    for _ in range(2):
        gone = uploads.discard(kept.person_id, kept.application_id, by=BY, at=NOON, helper="helper")
    assert (gone.state, gone.content_sealed, gone.photo_sealed, gone.signature_sealed) == (
        "discarded",
        None,
        None,
        None,
    )
    assert AuditEvent.objects.filter(action="home_application.discarded").count() == 1
    assert visit_of(person).state == VisitState.CANCELLED
    with pytest.raises(Refused) as refused:
        uploads.leave_to_centre(kept.person_id, kept.application_id, by=BY, at=NOON, helper="helper")
    assert refused.value.reason is Reason.CASE_CLOSED


def test_a_bad_picture_does_not_stop_the_application(world: World) -> None:
    person = make_retiree(1)
    packaged(world)
    kept = bring(world, person, photo=jpeg(200, 246))
    assert kept.state == HomeState.ACCEPTED
    assert "照片太小" in kept.photo_problem
    assert portrait_of(person.person_id) is None


def test_a_helper_who_brings_the_card_gets_it_at_the_community(world: World) -> None:
    person = make_retiree(1)
    packaged(world)
    bring(world, person, collection="visit", address="")
    application = Application.objects.get()
    assert application.collection == "post"
    assert field_cipher().open("address", bytes(application.address_sealed or b"")).startswith("多福巷（协办员送卡上门")


def test_a_visit_that_was_not_given_to_this_device(world: World) -> None:
    make_retiree(1)
    packaged(world)
    with pytest.raises(Refused) as refused:
        uploads.take_in(
            read_completed(msgspec.json.encode(content_for(UUID(int=1)))), device=world.device, by=BY, at=NOON
        )
    assert refused.value.reason is Reason.VISIT_UNKNOWN


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"consents_to_application": False}, "没有本人同意"),
        ({"consents_to_photo": False}, "没有同意拍照"),
        ({"signature": ""}, "签名图片"),
        ({"signature": "%%%"}, "图片不完整"),
        ({"signature": jpeg()}, "签名图片"),
        ({"signature_way": "oral", "signature": ""}, "写明情况"),
        ({"signature_way": "stamp"}, "signature_way"),
        ({"collection": "unit"}, "collection"),
        ({"notes": "长" * 501}, "notes"),
        ({"identified_at": "2026-11-02T04:00:00"}, "时区"),
        ({"application_id": "1"}, "application_id"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_sent_is_read_strictly(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        read_completed(msgspec.json.encode(content_for(UUID(int=1), **changes)))
    assert refused.value.reason is Reason.MALFORMED
    assert words in str(refused.value)


@pytest.mark.parametrize("octets", [b"", b"{", b"[]", b"\xff", b'{"application_id": null}'])
def test_what_is_no_content_at_all(octets: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_completed(octets)
    assert refused.value.reason is Reason.MALFORMED
