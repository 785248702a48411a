"""All that the platform keeps about one person, collected for that person: section by section, in plain JSON types.

A section is a function from ``Asked`` to rows; a floor that keeps more about people adds its own to ``SECTIONS``. Other people
are named nowhere: a guardian or ward is told by the kind of tie, staff by role. Moments are ISO 8601 in Beijing's time, money is
in fen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q

from yikatong.acceptance.uses import place_uses
from yikatong.accounts.models import User
from yikatong.accounts.own_sessions import sessions_of
from yikatong.applications.models import Application
from yikatong.campaign.models import Appointment, Invitation
from yikatong.city.models import Division
from yikatong.consent.requests import requests_of
from yikatong.consent.selectors import history_of
from yikatong.ecard.models import Device
from yikatong.foundation.clock import BEIJING
from yikatong.issuance.models import Card, Portrait
from yikatong.issuance.selectors import timeline
from yikatong.portal.lookers import lookers_of
from yikatong.portal.overview import shown_number
from yikatong.registry.models import Guardianship, Membership, Organisation, Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view
from yikatong.scenarios.transit.models import Journey, PendingTap

FORMAT = "yikatong.person-data/1"
Row = dict[str, Any]
_EVERYTHING = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose data, their cards, and when."""

    person: Person
    cards: list[Card]
    at: datetime


def collect(person: Person, *, at: datetime) -> dict[str, Any]:
    """The whole export: a head and every section, JSON-able."""
    asked = Asked(person, list(Card.objects.filter(person_id=person.person_id).order_by("card_id")), at)
    head = {"format": FORMAT, "made_at": _moment(at), "time_zone": "Asia/Shanghai", "money": "fen (1/100 yuan)"}
    return head | {name: section(asked) for name, section in SECTIONS.items()}


def identity(asked: Asked) -> list[Row]:
    """As registered."""
    person = asked.person
    view = clear_view(person)
    place = Division.objects.filter(code=person.community_code).values_list("name", flat=True).first()
    return [
        {
            "name": view.name,
            "identity_number": view.identity_number,
            "phone": view.phone,
            "sex": {"1": "male", "2": "female"}.get(person.sex, person.sex),
            "birth_date": _day(person.birth_date),
            "ethnicity_code": person.ethnicity_code,
            "insured_as": person.category,
            "community_code": person.community_code,
            "community": place or "",
            "pension_bank_code": person.pension_bank_code,
            "needs_large_print": person.needs_large_print,
            "needs_home_visit": person.needs_home_visit,
            "older_card_generation": person.older_card_generation,
            "older_card_number": person.older_card_number,
            "updated_at": _moment(person.updated_at),
        }
    ]


def ties(asked: Asked) -> list[Row]:
    """Guardians and wards, without their names; employers and schools."""
    me = asked.person.person_id
    rows: list[Row] = []
    for tie in Guardianship.objects.filter(Q(ward_person_id=me) | Q(guardian_person_id=me)).order_by("since"):
        kind = "ward_of" if tie.ward_person_id == me else "guardian_of"
        rows.append({"kind": kind, "relation": tie.relation, "since": _day(tie.since), "until": _day(tie.until)})
    members = list(Membership.objects.filter(person_id=me).order_by("since"))
    names = Organisation.objects.in_bulk([member.organisation_code for member in members])
    for member in members:
        unit = names.get(member.organisation_code)
        rows.append(
            {
                "kind": "member_of",
                "organisation_code": member.organisation_code,
                "organisation": unit.name if unit else "",
                "since": _day(member.since),
                "until": _day(member.until),
            }
        )
    return rows


def cards(asked: Asked) -> list[Row]:
    """Cards of all generations; the number of one that is not in use yet stands on the card alone."""
    moments = (
        "made_at",
        "ready_at",
        "collected_at",
        "activated_at",
        "pre_reported_lost_at",
        "reported_lost_at",
        "ended_at",
    )
    return [
        {
            "generation": card.generation,
            "card_number": shown_number(card),
            "state": card.state,
            "social_function": card.social_state,
            "is_financially_active": card.is_financially_active,
            "bank_code": card.bank_code,
            "outlet_id": card.outlet_id,
            "expires_on": _day(card.expires_on),
        }
        | {name: _moment(getattr(card, name)) for name in moments}
        for card in asked.cards
    ]


def applications(asked: Asked) -> list[Row]:
    """What was applied for, with the address it was to be posted to."""
    cipher = field_cipher()
    return [
        {
            "application_id": str(row.application_id),
            "kind": row.kind,
            "channel": row.channel,
            "bank_code": row.bank_code,
            "collection": row.collection,
            "outlet_id": row.outlet_id,
            "post_address": cipher.open("address", bytes(row.address_sealed)) if row.address_sealed else "",
            "was_applied_for_by_another": row.applicant_person_id is not None,
            "state": row.state,
            "submitted_at": _moment(row.submitted_at),
            "promised_by": _day(row.promised_by),
        }
        for row in Application.objects.filter(person_id=asked.person.person_id).order_by("submitted_at")
    ]


def history(asked: Asked) -> list[Row]:
    """What happened to applications and cards."""
    return [{"at": _moment(entry.at), "action": entry.action} for entry in timeline(asked.person.person_id)]


def visits(asked: Asked) -> list[Row]:
    """Invitations and appointments."""
    me = asked.person.person_id
    told = [
        {
            "kind": "invitation",
            "week_starts_on": _day(row.week_starts_on),
            "outlet_id": row.outlet_id,
            "state": row.state,
        }
        for row in Invitation.objects.filter(person_id=me).order_by("week_starts_on")
    ]
    kept = [
        {"kind": "appointment", "day": _day(row.day), "half": row.half, "outlet_id": row.outlet_id, "state": row.state}
        for row in Appointment.objects.filter(person_id=me).order_by("day")
    ]
    return [*told, *kept]


def photograph(asked: Asked) -> list[Row]:
    """The picture on the card, as JPEG in base64."""
    kept = Portrait.objects.filter(person_id=asked.person.person_id).first()
    if kept is None:
        return []
    jpeg = field_cipher().open("portrait", bytes(kept.jpeg_sealed))
    return [{"taken_at": _moment(kept.taken_at), "jpeg_base64": jpeg}]


def phones(asked: Asked) -> list[Row]:
    """Phones that may or might show the electronic card."""
    ids = [card.card_id for card in asked.cards]
    return [
        {
            "label": row.label,
            "since": _moment(row.issued_at),
            "until": _moment(row.expires_at),
            "stopped_at": _moment(row.revoked_at),
        }
        for row in Device.objects.filter(card_id__in=ids).order_by("issued_at")
    ]


def uses(asked: Asked) -> list[Row]:
    """Rides with their fares, gate taps not made into rides yet, and other places that accepted the card."""
    ids = [card.card_id for card in asked.cards]
    rides = [
        {
            "kind": "ride",
            "entry_station": row.entry_station,
            "entry_at": _moment(row.entry_at),
            "exit_station": row.exit_station,
            "exit_at": _moment(row.exit_at),
            "fare_fen": row.fare_fen,
            "full_fare_fen": row.full_fare_fen,
            "fare_rule": row.explanation,
            "operator_code": row.operator_code,
        }
        for row in Journey.objects.filter(card_id__in=ids).order_by("charged_at")
    ]
    taps = [
        {"kind": row.kind, "station": row.station, "at": _moment(row.at)}
        for row in PendingTap.objects.filter(card_id__in=ids).order_by("at")
    ]
    places = [
        {"kind": "identity_check", "place": use.venue, "at": _moment(use.at)}
        for use in place_uses(ids, since=datetime.min.replace(tzinfo=BEIJING), until=asked.at, most=_EVERYTHING)
    ]
    return [*rides, *taps, *places]


def consents(asked: Asked) -> list[Row]:
    """All that was agreed to and taken back."""
    return [
        {
            "purpose": row.purpose,
            "text_version": row.text_version,
            "is_given": row.is_given,
            "was_by_guardian": row.by_person_id != asked.person.person_id,
            "channel": row.channel,
            "at": _moment(row.at),
        }
        for row in history_of(asked.person.person_id)
    ]


def requests(asked: Asked) -> list[Row]:
    """What was asked about these data, and the answers."""
    return [
        {
            "kind": view.request.kind,
            "text": view.text,
            "made_at": _moment(view.request.made_at),
            "answer": view.answer,
            "answered_at": _moment(view.request.answered_at),
        }
        for view in requests_of(asked.person.person_id)
    ]


def account(asked: Asked) -> list[Row]:
    """The sign-in."""
    return [
        {"signed_in_last": _moment(user.last_login), "made_at": _moment(user.date_joined)}
        for user in User.objects.filter(person_id=asked.person.person_id)
    ]


def sessions(asked: Asked) -> list[Row]:
    """Where the account is signed in now."""
    return [
        {"device": one.device, "since": _moment(one.begun_at), "last_used_at": _moment(one.last_used_at)}
        for user in User.objects.filter(person_id=asked.person.person_id)
        for one in sessions_of(user, at=asked.at)
    ]


def seen_by(asked: Asked) -> list[Row]:
    """Who among staff dealt with these data: role and organisation, never a name."""
    return [
        {
            "at": _moment(one.at),
            "role": one.role,
            "organisation": one.organisation,
            "action": one.action,
            "reason": one.reason,
        }
        for one in lookers_of(asked.person.person_id, limit=_EVERYTHING)
    ]


SECTIONS: dict[str, Callable[[Asked], list[Row]]] = {
    "identity": identity,
    "ties": ties,
    "cards": cards,
    "applications": applications,
    "history": history,
    "visits": visits,
    "photograph": photograph,
    "phones": phones,
    "uses": uses,
    "consents": consents,
    "requests": requests,
    "account": account,
    "sessions": sessions,
    "seen_by": seen_by,
}


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(BEIJING).isoformat(timespec="seconds") if at is not None else None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
