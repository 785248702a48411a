"""Seeing one piece of somebody's data in clear: for a reason, for ten minutes, recorded.

What was revealed stands in the session of whoever asked, so that it goes with it; no page of a colleague shows it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.accounts import allowances
from yikatong.accounts.looking import REASONS
from yikatong.audit.actors import Actor
from yikatong.audit.services import record

SHOWN_FOR = timedelta(minutes=10)
"""Source: assumption (one conversation)."""
PER_HOUR = 120
"""Source: assumption."""
NOTE_LENGTH_MIN, NOTE_LENGTH_MAX = 4, 100
_KEY = "revealed"

FIELDS: dict[str, Promise] = {
    "name": _("姓名"),
    "identity_number": _("证件号码"),
    "phone": _("手机号码"),
    "messages": _("消息内容"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A filled-in form, and what is wrong with it by field."""

    fields: list[str]
    reason: str
    note: str
    errors: dict[str, Promise]


def asked_in(request: HttpRequest) -> Asked:
    """What the form asks to see, and why."""
    fields = [name for name in request.POST.getlist("field") if name in FIELDS]
    reason, note = request.POST.get("reason", ""), request.POST.get("note", "").strip()[:NOTE_LENGTH_MAX]
    errors: dict[str, Promise] = {}
    if not fields:
        errors["field-name"] = _("请选择要查看的信息。")
    if reason not in REASONS:
        errors["reason-holder_present"] = _("请选择查看原因。")
    elif reason == "other" and len(note) < NOTE_LENGTH_MIN:
        errors["note"] = _("请写明查看原因（至少四个字），该原因会留存备查。")
    return Asked(fields, reason, note, errors)


def reveal(request: HttpRequest, person_id: int, asked: Asked, *, at: datetime) -> bool:
    """Record it and show it from now on; ``False`` beyond the account's hourly allowance."""
    by = Actor("staff", request.user.get_username())
    is_within = allowances.take(f"reveal:{by.name}"[:80], most=PER_HOUR, window=timedelta(hours=1), at=at)
    record(
        "person.revealed" if is_within else "person.reveal_refused",
        subject=f"person:{person_id}",
        by=by,
        at=at,
        person_id=person_id,
        fields=asked.fields,
        reason=asked.reason,
        note=asked.note,
    )
    if is_within:
        until = (at + SHOWN_FOR).isoformat()
        kept = {key: text for key, text in _kept(request).items() if datetime.fromisoformat(text) > at}
        request.session[_KEY] = kept | {f"{person_id}:{field}": until for field in asked.fields}
    return is_within


def revealed(request: HttpRequest, person_id: int, *, at: datetime) -> dict[str, datetime]:
    """Which fields of a person this session sees in clear, and until when."""
    found = {}
    for key, text in _kept(request).items():
        number, _, field = key.partition(":")
        if number == str(person_id) and datetime.fromisoformat(text) > at:
            found[field] = datetime.fromisoformat(text)
    return found


def hide(request: HttpRequest, person_id: int) -> None:
    """Show nothing of a person in clear any more."""
    kept = _kept(request)
    request.session[_KEY] = {key: text for key, text in kept.items() if not key.startswith(f"{person_id}:")}


def _kept(request: HttpRequest) -> dict[str, str]:
    kept: dict[str, str] = request.session.get(_KEY, {})
    return kept
