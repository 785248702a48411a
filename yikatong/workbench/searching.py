"""What staff look for in the register: what was typed, made into one question, and its answer.

The question travels in the address sealed, so that no identity number, phone or name stands in a browser's history or a proxy's
log, while the page of results can still be gone back to. Every question that is answered is recorded by its kind alone and
counts against the account's hourly allowance.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.accounts import allowances
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.audit.services import record
from yikatong.gm.keystore import KeyUnknown
from yikatong.gm.sm4 import IntegrityError
from yikatong.issuance.selectors import card_by_number
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.search_numbers import TAIL_LENGTH, normal_tail
from yikatong.registry.searching import find_by_tail_and_birth, find_by_tail_and_name
from yikatong.registry.selectors import find_person, find_person_by_identity_number, find_person_by_phone

SEARCHES_PER_HOUR = 240
"""Source: assumption (one every quarter of a minute is more than a busy counter asks)."""
_HOUR = timedelta(hours=1)
_TYPED_LENGTH_MAX = 80
_TAIL = re.compile(r"[0-9]{3}[0-9X]")

NOTHING_FOUND: dict[str, Promise] = {
    "number": _("登记簿、卡片和申请中都没有这个号码。请核对号码，或改用姓名查找。"),
    "tail_name": _("没有姓名与证件号码后四位都相符的人。请核对，或只用姓名查找。"),
    "tail_birth": _("没有出生日期与证件号码后四位都相符的人。请核对。"),
    "name": _("没有这个姓名的人。请核对用字；姓名要完整填写，不能只写一部分。"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for. ``kind``: ``number``, ``tail_name``, ``tail_birth`` or ``name``."""

    kind: str
    number: str = ""
    name: str = ""
    tail: str = ""
    born: str = ""

    def sealed(self) -> str:
        """For the address."""
        sealed = field_cipher().seal("search", json.dumps(asdict(self), ensure_ascii=False))
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    @classmethod
    def opened(cls, token: str) -> "Question | None":
        """A question from an address; ``None`` for anything that we did not seal."""
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            return cls(**json.loads(field_cipher().open("search", sealed)))
        except (ValueError, binascii.Error, IntegrityError, KeyUnknown, TypeError):
            return None


def question_in(answers: Mapping[str, str]) -> tuple[Question | None, dict[str, Promise]]:
    """What a filled-in form asks, or what is wrong with it by field."""
    typed = {name: answers.get(name, "").strip()[:_TYPED_LENGTH_MAX] for name in ("q", "name", "tail", "born")}
    typed = {name: text.replace("\0", "") for name, text in typed.items()}
    if typed["q"]:
        return Question("number", number=typed["q"]), {}
    errors: dict[str, Promise] = {}
    tail = normal_tail(typed["tail"])
    if typed["tail"] and not (len(tail) == TAIL_LENGTH and _TAIL.fullmatch(tail)):
        errors["tail"] = _("后四位是三个数字加一个数字或字母 X。")
    if typed["born"] and _day(typed["born"]) is None:
        errors["born"] = _("出生日期请按 1980-05-17 的格式填写。")
    if not errors and not typed["name"] and not tail:
        errors["q"] = _("请填写号码，或姓名，或证件号码后四位加姓名或出生日期。")
    if not errors and tail and not typed["name"] and not typed["born"]:
        errors["tail"] = _("同一后四位的人很多，请同时填写姓名或出生日期。")
    if errors:
        return None, errors
    born = typed["born"]
    kind = ("tail_name" if typed["name"] else "tail_birth") if tail else "name"
    return Question(kind, name=typed["name"], tail=tail, born=born), {}


def persons_for(question: Question) -> list[Person]:
    """Whoever a question that few answer is about; a name alone is read page by page instead."""
    born = _day(question.born)
    if question.kind == "number":
        return search_persons(question.number)
    if question.kind == "tail_name":
        found = find_by_tail_and_name(question.tail, question.name)
        return [person for person in found if born is None or person.birth_date == born]
    return find_by_tail_and_birth(question.tail, born) if born is not None else []


def search_persons(query: str) -> list[Person]:
    """Whoever has this identity number, card number, application or phone number."""
    by_identity = find_person_by_identity_number(query)
    if by_identity is not None:
        return [by_identity]
    card = card_by_number(query)
    if card is not None:
        return list(Person.objects.filter(person_id=card.person_id))
    applicant = _applicant(query)
    return [applicant] if applicant else find_person_by_phone(query)


def _applicant(receipt: str) -> Person | None:
    """Whose application it is. The trail is asked, because applications lie with their persons and have no order of their own."""
    try:
        subject = f"application:{UUID(receipt.strip())}"
    except ValueError:
        return None
    event = AuditEvent.objects.filter(subject=subject, person_id__isnull=False).order_by("-event_id").first()
    return find_person(event.person_id) if event and event.person_id else None


def may_search(username: str, question: Question, *, at: datetime) -> bool:
    """Count and record one question of an account; whether it is answered."""
    is_within = allowances.take(f"search:{username}"[:80], most=SEARCHES_PER_HOUR, window=_HOUR, at=at)
    action = "register.searched" if is_within else "register.search_refused"
    record(action, subject=f"search:{question.kind}", by=Actor("staff", username), at=at)
    return is_within


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def born_of(question: Question) -> date | None:
    """The birth date that was asked for."""
    return _day(question.born)
