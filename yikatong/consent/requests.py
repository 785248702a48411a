"""Asking to have data deleted or put right, and the card centre's answer. A wish is sealed and never logged."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.consent.models import DataRequest, RequestState
from yikatong.consent.rules import Reason
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.registry.sealing import field_cipher

TEXT_LENGTH_MAX = 500
ANSWERED_WITHIN_DAYS = 15
"""Natural days. Source: assumption (the law says "promptly")."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request in clear, for its person and for the card centre."""

    request: DataRequest
    text: str
    answer: str


def ask(
    person_id: int, request_id: UUID, *, kind: str, text: str, by_person_id: int, by: Actor, at: datetime
) -> DataRequest:
    """Take in a request. Sending it again returns the first. Raises ``Refused``."""
    text = text.strip()
    if not text:
        raise Refused(Reason.TEXT_MISSING, "请写明要求")
    if len(text) > TEXT_LENGTH_MAX:
        raise Refused(Reason.TEXT_TOO_LONG, f"请不要超过 {TEXT_LENGTH_MAX} 字")
    with transaction.atomic():
        made, is_new = DataRequest.objects.get_or_create(
            person_id=person_id,
            request_id=request_id,
            defaults={
                "kind": kind,
                "by_person_id": by_person_id,
                "text_sealed": field_cipher().seal("data_request", text),
                "made_at": at,
                "due_on": beijing_day(at) + timedelta(days=ANSWERED_WITHIN_DAYS),
            },
        )
        if not is_new and field_cipher().open("data_request", bytes(made.text_sealed)) != text:
            raise Refused(Reason.REQUEST_DIFFERS, "这份要求已经提交过，内容不同；请重新打开页面")
        if is_new:
            record(
                "data_request.made", subject=f"data_request:{request_id}", by=by, at=at, person_id=person_id, kind=kind
            )
    return made


def answer(person_id: int, request_id: UUID, text: str, *, by: Actor, at: datetime) -> DataRequest:
    """Answer a request, once. Raises ``Refused`` (``TEXT_MISSING``, ``REQUEST_UNKNOWN``, ``ANSWERED_ALREADY``)."""
    text = text.strip()
    if not text:
        raise Refused(Reason.TEXT_MISSING, "请写明答复")
    if len(text) > TEXT_LENGTH_MAX:
        raise Refused(Reason.TEXT_TOO_LONG, f"请不要超过 {TEXT_LENGTH_MAX} 字")
    with transaction.atomic():
        rows = DataRequest.objects.select_for_update().filter(person_id=person_id, request_id=request_id)
        made = rows.first()
        if made is None:
            raise Refused(Reason.REQUEST_UNKNOWN, "没有这份要求")
        if made.state == RequestState.ANSWERED:
            raise Refused(Reason.ANSWERED_ALREADY, "这份要求已经答复")
        made.answer_sealed = field_cipher().seal("data_request", text)
        made.state, made.answered_at = RequestState.ANSWERED, at
        made.save(update_fields=["answer_sealed", "state", "answered_at"])
        record("data_request.answered", subject=f"data_request:{request_id}", by=by, at=at, person_id=person_id)
    return made


def requests_of(person_id: int) -> list[RequestView]:
    """A person's requests, newest first."""
    return [_view(made) for made in DataRequest.objects.filter(person_id=person_id).order_by("-made_at")]


def request_of(person_id: int, request_id: UUID) -> RequestView | None:
    """One of them."""
    made = DataRequest.objects.filter(person_id=person_id, request_id=request_id).first()
    return _view(made) if made else None


def open_requests(*, limit: int = 50) -> list[DataRequest]:
    """Those that wait for an answer, the oldest first; still sealed."""
    return list(DataRequest.objects.filter(state=RequestState.OPEN).order_by("made_at")[:limit])


def _view(made: DataRequest) -> RequestView:
    cipher = field_cipher()
    answered = cipher.open("data_request", bytes(made.answer_sealed)) if made.answer_sealed else ""
    return RequestView(made, cipher.open("data_request", bytes(made.text_sealed)), answered)
