"""Taking in what was done at home: each application exactly once, however often it is sent; what does not fit becomes a case.

The person's lock comes first, as for every application. What a device brings is stored in the same transaction as what it leads
to; a lost reply, a repeated upload or a killed tab therefore ends in one application and the same answer.
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import transaction

from yikatong.applications.models import Application
from yikatong.applications.selectors import situation_of
from yikatong.applications.services import SubmitApplication, submit
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.outreach import hooks
from yikatong.outreach.completed import Completed, octets_of
from yikatong.outreach.models import Device, HomeApplication, HomeState, Package, Visit, VisitState
from yikatong.outreach.photos import take_photo
from yikatong.outreach.rules import Facts, Reason, changed_since, shown_within
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher

CONTENT_FIELD, PICTURE_FIELD = "home_application", "home_picture"
NOT_SEEN = (VisitState.NOT_HOME, VisitState.DECLINED)


@dataclass(frozen=True, slots=True)
class Wished:
    """What was asked for at home; ``collection`` as in ``Completed``."""

    bank_code: str
    collection: str
    outlet_id: str
    address: str
    notes: str
    signature_note: str


_WISHED = msgspec.json.Decoder(Wished)


def take_in(sent: Completed, *, device: Device, by: Actor, at: datetime) -> HomeApplication:
    """Store one application taken at home and apply; what cannot be applied for is kept as a case (``CONFLICT``).

    Repeating it returns the first. Raises ``Refused`` (``VISIT_UNKNOWN``; ``ID_REUSED`` of ``applications``).
    """
    package = _package_of(sent.visit_id, device)
    person_id = _person_of(sent.visit_id)
    with transaction.atomic():
        person = Person.objects.select_for_update().filter(person_id=person_id).first()
        visit = Visit.objects.select_for_update().get(person_id=person_id, visit_id=sent.visit_id)
        known = HomeApplication.objects.filter(person_id=person_id, application_id=sent.application_id).first()
        if known is not None:
            _check_same(known, sent)
            return known
        shown_at = shown_within(sent.shown_at, made_at=package.made_at, received_at=at)
        hooks.banks_shown(person_id, sent.shown_banks, shown_at)
        reason = _apply(sent, person, visit, by=by, at=at)
        kept = _keep(sent, visit, device, reason, by=by, at=at)
        _move_visit(visit, VisitState.CONFLICT if reason else VisitState.DONE, at=at)
        _record("home_application.received", kept, by=by, at=at, device=str(device.device_id), outcome=kept.state)
        return kept


def close_visit(visit_id: UUID, state: str, *, device: Device, by: Actor, at: datetime) -> Visit:
    """Note that nobody was at home, or that the person does not want the card. Repeating it changes nothing.

    Raises ``Refused`` (``VISIT_UNKNOWN``, ``VISIT_CLOSED``, ``MALFORMED``).
    """
    _package_of(visit_id, device)
    if state not in NOT_SEEN:
        raise Refused(Reason.MALFORMED, f"没有这种结果：{state}")
    with transaction.atomic():
        visit = Visit.objects.select_for_update().get(person_id=_person_of(visit_id), visit_id=visit_id)
        if visit.state == state:
            return visit
        if visit.state != VisitState.PLANNED:
            raise Refused(Reason.VISIT_CLOSED, "这次走访已有结果，没有更改")
        _move_visit(visit, VisitState(state), at=at)
        record(f"visit.{state}", subject=f"visit:{visit_id}", by=by, at=at, person_id=visit.person_id)
        return visit


def discard(person_id: int, application_id: UUID, *, by: Actor, at: datetime, helper: str) -> HomeApplication:
    """The helper gives up what was taken at home: content, picture and signature go, the case stays as a row.

    Repeating it changes nothing. Raises ``Refused`` (``CASE_UNKNOWN``, ``CASE_CLOSED``).
    """
    with transaction.atomic():
        case = _own_case(person_id, application_id, helper, HomeState.DISCARDED)
        if case.state != HomeState.DISCARDED:
            case.content_sealed = case.photo_sealed = case.signature_sealed = None
            _close_case(case, HomeState.DISCARDED, by=by, at=at)
            _end_visit(case, VisitState.CANCELLED, at=at)
        return case


def leave_to_centre(person_id: int, application_id: UUID, *, by: Actor, at: datetime, helper: str) -> HomeApplication:
    """The helper leaves the case to the card centre. Repeating it changes nothing. Raises as ``discard``."""
    with transaction.atomic():
        case = _own_case(person_id, application_id, helper, HomeState.NOTED)
        if case.state != HomeState.NOTED:
            _close_case(case, HomeState.NOTED, by=by, at=at)
        return case


def settle(person_id: int, application_id: UUID, *, apply: bool, by: Actor, at: datetime) -> HomeApplication:
    """The card centre closes a case: applies as asked for at home after all, or leaves things as they are.

    Repeating it changes nothing. Raises ``Refused``: ``CASE_UNKNOWN``, or what ``applications`` says against applying.
    """
    with transaction.atomic():
        person = Person.objects.select_for_update().filter(person_id=person_id).first()
        case = _case(person_id, application_id)
        if case.state in {HomeState.ACCEPTED, HomeState.SETTLED, HomeState.DISCARDED}:
            return case
        if apply:
            if person is None:
                raise Refused(Reason.PERSON_GONE, "登记簿中没有此人")
            submit(_command(wished(case), person, application_id, at=at), by=by, at=at)
            if case.photo_sealed is not None:
                case.photo_problem = take_photo(person_id, picture_of(case.photo_sealed), by=by, at=at)
        case.photo_sealed = None
        _close_case(case, HomeState.ACCEPTED if apply else HomeState.SETTLED, by=by, at=at)
        _end_visit(case, VisitState.DONE if apply else VisitState.CANCELLED, at=at)
        return case


def wished(case: HomeApplication) -> Wished:
    """What was asked for at home; empty once it was discarded."""
    if case.content_sealed is None:
        return Wished("", "", "", "", "", "")
    return _WISHED.decode(field_cipher().open(CONTENT_FIELD, bytes(case.content_sealed)))


def picture_of(sealed: "bytes | memoryview[int]") -> bytes:
    """A sealed picture's octets."""
    return base64.b64decode(field_cipher().open(PICTURE_FIELD, bytes(sealed)))


def _package_of(visit_id: UUID, device: Device) -> Package:
    package = Package.objects.filter(device=device, visit_ids__contains=[visit_id]).order_by("made_at").first()
    if package is None:
        raise Refused(Reason.VISIT_UNKNOWN, "这次走访没有下发给这台设备")
    return package


def _person_of(visit_id: UUID) -> int:
    return Visit.objects.values_list("person_id", flat=True).get(visit_id=visit_id)


def _check_same(known: HomeApplication, sent: Completed) -> None:
    from yikatong.applications.rules import Reason as ApplicationReason

    if bytes(known.content_digest) != sent.digest():
        raise Refused(ApplicationReason.ID_REUSED, "这份申请已经上传过，内容不同")


def _apply(sent: Completed, person: Person | None, visit: Visit, *, by: Actor, at: datetime) -> str:
    """Apply; empty text, or the reason why not. What is refused leaves no trace but the case."""
    now = None if person is None else Facts(person.category, person.community_code)
    reason = changed_since(Facts(visit.told_category, visit.told_community), now)
    if reason is not None or person is None:
        return str(reason)
    try:
        submit(_command(_wished(sent), person, sent.application_id, at=at), by=by, at=at)
    except Refused as refused:
        return str(refused.reason)
    return ""


def _command(wish: Wished, person: Person, application_id: UUID, *, at: datetime) -> SubmitApplication:
    """A helper who brings the card gets it by post, at the community's office."""
    situation = situation_of(person, acting_person_id=None, on=beijing_day(at))
    address = wish.address
    if wish.collection == "visit":
        community = Division.objects.filter(code=person.community_code).values_list("name", flat=True).first()
        address = f"{community or person.community_code}（协办员送卡上门）"
    return SubmitApplication(
        application_id=application_id,
        person_id=person.person_id,
        acting_person_id=None,
        kind="replacement" if situation.has_lost_third_generation else "first",
        channel="outreach",
        bank_code=wish.bank_code,
        collection="outlet" if wish.collection == "outlet" else "post",
        outlet_id=wish.outlet_id if wish.collection == "outlet" else "",
        address="" if wish.collection == "outlet" else address,
    )


def _wished(sent: Completed) -> Wished:
    return Wished(sent.bank_code, sent.collection, sent.outlet_id, sent.address, sent.notes, sent.signature_note)


def _keep(sent: Completed, visit: Visit, device: Device, reason: str, *, by: Actor, at: datetime) -> HomeApplication:
    """The row, with the picture taken in as portrait, or sealed beside the case."""
    photo, problem = octets_of(sent.photo), ""
    if photo and not reason:
        problem = take_photo(visit.person_id, photo, by=by, at=at)
    cipher = field_cipher()
    return HomeApplication.objects.create(
        person_id=visit.person_id,
        application_id=sent.application_id,
        visit_id=sent.visit_id,
        device_id=device.device_id,
        helper=device.helper,
        state=HomeState.CONFLICT if reason else HomeState.ACCEPTED,
        reason=reason,
        content_digest=sent.digest(),
        content_sealed=cipher.seal(CONTENT_FIELD, msgspec.json.encode(_wished(sent)).decode()),
        photo_sealed=cipher.seal(PICTURE_FIELD, sent.photo) if photo and reason else None,
        photo_problem=problem,
        signature_way=sent.signature_way,
        signature_sealed=cipher.seal(PICTURE_FIELD, sent.signature) if sent.signature else None,
        has_consented_to_photo=sent.consents_to_photo,
        has_seen_phone=sent.has_seen_phone,
        identified_at=sent.identified_at,
        completed_at=sent.completed_at,
        received_at=at,
        state_since=at,
    )


def _own_case(person_id: int, application_id: UUID, helper: str, wanted: HomeState) -> HomeApplication:
    case = _case(person_id, application_id)
    if case.helper != helper:
        raise Refused(Reason.CASE_UNKNOWN, "没有这件待核实的申请")
    if case.state not in {HomeState.CONFLICT, wanted}:
        raise Refused(Reason.CASE_CLOSED, "这件申请已经处理，不能再更改")
    return case


def _case(person_id: int, application_id: UUID) -> HomeApplication:
    case = (
        HomeApplication.objects.select_for_update().filter(person_id=person_id, application_id=application_id).first()
    )
    if case is None:
        raise Refused(Reason.CASE_UNKNOWN, "没有这件待核实的申请")
    return case


def _close_case(case: HomeApplication, state: HomeState, *, by: Actor, at: datetime) -> None:
    case.state, case.state_since, case.settled_by = state, at, str(by)[:64]
    case.save()
    _record(f"home_application.{state}", case, by=by, at=at)


def _move_visit(visit: Visit, state: VisitState, *, at: datetime) -> None:
    Visit.objects.filter(pk=visit.pk).update(state=state, state_since=at)
    visit.state, visit.state_since = state, at


def _end_visit(case: HomeApplication, state: VisitState, *, at: datetime) -> None:
    """Settled one way or the other; who still has no card may be called on again another day."""
    Visit.objects.filter(person_id=case.person_id, visit_id=case.visit_id).update(state=state, state_since=at)


def _record(action: str, case: HomeApplication, *, by: Actor, at: datetime, **details: object) -> None:
    record(
        action,
        subject=f"application:{case.application_id}",
        by=by,
        at=at,
        person_id=case.person_id,
        case_reason=case.reason,
        **details,
    )


def application_behind(case: HomeApplication) -> Application | None:
    """What it led to."""
    return Application.objects.filter(person_id=case.person_id, application_id=case.application_id).first()
