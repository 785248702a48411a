"""Codes to the registered phone that confirm one act: sent sparingly, tried a few times, good for minutes and once.

``send`` and ``check`` write even when what follows is refused; ``spend`` belongs into the transaction of the act itself, so that
a code is used exactly when the act was done. It does not decide which acts need a code.
"""

import hmac
import logging
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from yikatong.accounts import messages
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.rules import rules_at
from yikatong.consent.models import ConfirmationCode
from yikatong.consent.rules import CODE_LENGTH, Reason, check_code, check_may_send
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.foundation.masks import masked_phone
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view

log = logging.getLogger(__name__)
KEPT = timedelta(days=1)
TEXT = "【一卡通】{what}，验证码 {code}，{minutes} 分钟内有效。不是您本人操作的，请勿告诉任何人，并拨打 96102。"


def send(person: Person, act: str, *, what: str, by: Actor, at: datetime) -> str:
    """Send a code for an act to a person's registered phone; the phone, masked. ``what``: the act in the message's words.

    Codes sent before for the same act end. Raises ``Refused`` (``NO_PHONE``, ``SENT_JUST_NOW``, ``TOO_MANY_CODES``,
    ``NOT_SENT``).
    """
    phone = clear_view(person).phone
    if not phone:
        raise Refused(Reason.NO_PHONE, "登记信息中没有手机号码，请到街道社保所登记，或到发卡银行柜台办理")
    limits = rules_at(beijing_day(at)).limits
    code = str(secrets.randbelow(10**CODE_LENGTH)).zfill(CODE_LENGTH)
    with transaction.atomic():
        Person.objects.select_for_update().get(person_id=person.person_id)
        mine = ConfirmationCode.objects.filter(person_id=person.person_id)
        mine.filter(sent_at__lt=at - KEPT).delete()
        sent = [(moment, used_at is not None) for moment, used_at in mine.values_list("sent_at", "used_at")]
        check_may_send(sent, at, limits)
        mine.filter(act=act, used_at=None, expires_at__gt=at).update(expires_at=at)
        code_id = new_uuid7()
        ConfirmationCode.objects.create(
            person_id=person.person_id,
            code_id=code_id,
            act=act,
            digest=_digest(code_id, code),
            sent_at=at,
            expires_at=at + timedelta(minutes=limits.confirmation_code_life_min),
        )
        record("code.sent", subject=act, by=by, at=at, person_id=person.person_id)
        text = TEXT.format(what=what, code=code, minutes=limits.confirmation_code_life_min)
        try:
            messages.send(phone, text)
        except Exception as error:  # a provider raises what it likes
            log.warning("a confirmation code was not sent: %s", type(error).__name__)
            raise Refused(Reason.NOT_SENT, "短信没有发出，请稍后再试，或拨打 12333") from error
    return masked_phone(phone)


def is_waiting(person_id: int, act: str, *, at: datetime) -> bool:
    """Whether a code for an act is out that could still be typed."""
    living = ConfirmationCode.objects.filter(person_id=person_id, act=act, used_at=None, expires_at__gt=at)
    return living.exists()


def check(person_id: int, act: str, code: str, *, at: datetime) -> UUID:
    """Hold a typed code against the one that was sent last; its id, to be ``spend`` with the act. A wrong one is counted.

    Raises ``Refused`` (``CODE_WRONG``, ``CODE_EXPIRED``, ``CODE_USED``, ``TOO_MANY_TRIES``).
    """
    tries_max = rules_at(beijing_day(at)).limits.confirmation_code_tries_max
    with transaction.atomic():
        sent = ConfirmationCode.objects.select_for_update().filter(person_id=person_id, act=act)
        newest = sent.order_by("-sent_at", "-code_id").first()
        if newest is None:
            refusal: Refused[Reason] | None = Refused(Reason.CODE_EXPIRED, "请先获取验证码")
        else:
            refusal = _refusal(newest, code, at, tries_max)
            if refusal is not None and refusal.reason == Reason.CODE_WRONG:
                newest.tries += 1
                newest.save(update_fields=["tries"])
    if refusal is not None:
        raise refusal
    assert newest is not None
    return newest.code_id


def count_mistake(person_id: int, code_id: UUID) -> None:
    """What came with a right code was wrong: that counts as a try too, where it must not be guessed."""
    ConfirmationCode.objects.filter(person_id=person_id, code_id=code_id).update(tries=F("tries") + 1)


def spend(person_id: int, code_id: UUID, *, at: datetime) -> None:
    """Use a code up, inside the transaction of its act. Raises ``Refused`` (``CODE_USED``) when another request did."""
    unused = ConfirmationCode.objects.filter(person_id=person_id, code_id=code_id, used_at=None)
    if not unused.update(used_at=at):
        raise Refused(Reason.CODE_USED, "这个验证码已经用过，请重新获取")


def _refusal(sent: ConfirmationCode, code: str, at: datetime, tries_max: int) -> Refused[Reason] | None:
    typed = "".join(character for character in code if character.isascii() and character.isdigit())
    try:
        check_code(
            is_right=hmac.compare_digest(_digest(sent.code_id, typed), bytes(sent.digest)),
            tries=sent.tries,
            is_used=sent.used_at is not None,
            expires_at=sent.expires_at,
            at=at,
            tries_max=tries_max,
        )
    except Refused as refused:
        return refused
    return None


def _digest(code_id: UUID, code: str) -> bytes:
    return field_cipher().blind_index("confirmation_code", f"{code_id}\0{code}")
