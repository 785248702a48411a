"""Giving, asking for, recording and revoking a right to act; each is one transaction with its audit row inside.

Nobody learns here who is in the register: asking about a person who does not exist looks like asking about one who does, how
often somebody may name another is limited, and so is how many codes a phone gets.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F

from yikatong.accounts import messages
from yikatong.accounts.services import normal_phone
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.delegation import hooks, rules
from yikatong.delegation.models import Delegation, Request, Tries
from yikatong.delegation.rules import Proof, Reason
from yikatong.delegation.selectors import delegations_by, delegations_to
from yikatong.delegation.words import ACT_NAMES
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_name, masked_phone
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view, find_person_by_phone

TRIES_KEPT_DAYS = 7
CODE_TEXT = (
    "【一卡通】{name}（手机{phone}）请您同意代办您的社保卡：{acts}，至{until}。同意的，请把验证码 {code} 告诉本人，"
    "15 分钟内有效。不认识或不同意的，请不要告诉任何人。"
)
GIVEN_TEXT = (
    "【一卡通】{name}现在可以代办您的社保卡：{acts}，至{until}。不是您本人的意思，请登录“委托办理”撤销，或拨打 12333。"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is given: which acts, and the last day."""

    acts: tuple[str, ...]
    until: date


def find_named(asking: Person, phone: str, last_four: str, *, at: datetime) -> Person | None:
    """The one person with this registered phone and the end of this identity number; ``None``: nobody, or not one alone.

    Every call counts against the day's limit of the one who asks. Raises ``Refused`` (``TOO_MANY_TRIES``).
    """
    count_try(asking.person_id, "named", rules.DAILY_TRIES_MAX, at=at)
    wanted = last_four.strip().upper()
    if len(wanted) != 4:
        return None
    people = [
        one for one in find_person_by_phone(normal_phone(phone)) if clear_view(one).identity_number.endswith(wanted)
    ]
    return people[0] if len(people) == 1 else None


def count_try(person_id: int, column: str, most: int, *, at: datetime) -> None:
    """Count one of a day's tries, kept whatever comes after. Raises ``Refused`` (``TOO_MANY_TRIES``) past ``most``."""
    today = beijing_day(at)
    with transaction.atomic():
        Tries.objects.get_or_create(person_id=person_id, day=today)
        if not Tries.objects.filter(person_id=person_id, day=today, **{f"{column}__lt": most}).update(
            **{column: F(column) + 1}
        ):
            raise Refused(Reason.TOO_MANY_TRIES, "今天尝试的次数过多，请明天再试，或到街道社保所当面办理")


def give(
    principal_person_id: int, agent_person_id: int, terms: Terms, *, delegation_id: UUID, by: Actor, at: datetime
) -> Delegation:
    """The principal, signed in, gives somebody a right. Repeating it with the same id gives it once. Raises ``Refused``."""
    if by != Actor("resident", str(principal_person_id)):
        raise Refused(Reason.PERSON_UNKNOWN, "只能由委托人本人办理")
    return _make(principal_person_id, agent_person_id, terms, Proof.GIVEN, delegation_id=delegation_id, by=by, at=at)


def ask(agent: Person, phone: str, last_four: str, terms: Terms, *, by: Actor, at: datetime) -> UUID:
    """Ask for the right over somebody: a code goes to their registered phone; the id under which it is confirmed.

    Whether there is such a person is not told. Raises ``Refused`` (``PHONE_IS_OWN``: a family's shared phone proves nothing).
    """
    rules.check_terms(terms.acts, terms.until, beijing_day(at))
    own = clear_view(agent).phone
    if normal_phone(phone) == own:
        raise Refused(
            Reason.PHONE_IS_OWN, "与您登记的是同一个手机号，验证码不能证明对方同意；请一起到网点或社保所当面办理"
        )
    principal = find_named(agent, phone, last_four, at=at)
    request_id = uuid4()
    if principal is None:
        return request_id
    try:
        _check(principal, agent, at)
        count_try(principal.person_id, "codes", rules.DAILY_CODES_MAX, at=at)
    except Refused:
        return request_id  # telling why would tell that the person exists
    code = str(secrets.randbelow(10**6)).zfill(6)
    with transaction.atomic():
        Request.objects.create(
            agent_person_id=agent.person_id,
            request_id=request_id,
            principal_person_id=principal.person_id,
            acts=list(terms.acts),
            until=terms.until,
            code_digest=_digest(request_id, code),
            asked_at=at,
        )
        record(
            "delegation.asked",
            subject=f"delegation:{request_id}",
            by=by,
            at=at,
            person_id=principal.person_id,
            agent_person_id=agent.person_id,
            acts=list(terms.acts),
        )
    name = masked_name(clear_view(agent).name)
    text = CODE_TEXT.format(
        name=name, phone=masked_phone(own), acts=acts_text(terms.acts), until=terms.until, code=code
    )
    messages.send(clear_view(principal).phone, text)
    return request_id


def confirm(agent: Person, request_id: UUID, code: str, *, by: Actor, at: datetime) -> Delegation:
    """The code that the principal told. Repeating a right one returns the same delegation. Raises ``Refused``."""
    mine = Request.objects.filter(agent_person_id=agent.person_id, request_id=request_id)
    # counted before it is looked at, and kept: whoever sends a thousand guesses at once has five
    is_counted = mine.filter(tries__lt=rules.CODE_TRIES_MAX, asked_at__gt=at - rules.CODE_LASTS).update(
        tries=F("tries") + 1
    )
    asked = mine.first()
    wrong = Refused(Reason.CODE_WRONG, "验证码不对，或已过期、尝试次数过多")
    if asked is None or not secrets.compare_digest(bytes(asked.code_digest), _digest(request_id, code)):
        raise wrong
    known = Delegation.objects.filter(principal_person_id=asked.principal_person_id, delegation_id=request_id).first()
    if known is not None:
        return known
    if not is_counted:
        raise wrong
    terms = Terms(acts=tuple(asked.acts), until=asked.until)
    return _make(asked.principal_person_id, agent.person_id, terms, Proof.CODE, delegation_id=request_id, by=by, at=at)


def record_in_person(
    principal_person_id: int,
    agent_person_id: int,
    terms: Terms,
    *,
    delegation_id: UUID,
    evidence: str,
    by: Actor,
    at: datetime,
) -> Delegation:
    """Both stood before staff with their documents; ``evidence`` says what was seen. Raises ``Refused``."""
    if by.kind not in {"clerk", "staff", "outreach"}:
        raise Refused(Reason.PERSON_UNKNOWN, "当面委托由工作人员登记")
    if not evidence.strip():
        raise Refused(Reason.EVIDENCE_MISSING, "请写明核对了哪些证件和材料")
    return _make(
        principal_person_id,
        agent_person_id,
        terms,
        Proof.IN_PERSON,
        delegation_id=delegation_id,
        evidence=evidence.strip()[:500],
        by=by,
        at=at,
    )


def revoke(delegation_id: UUID, *, principal_person_id: int, by: Actor, at: datetime) -> Delegation:
    """End a right at once: the principal, the agent who gives it up, or staff. Repeating it changes nothing.

    Raises ``Refused`` (``PERSON_UNKNOWN``) where it is none of theirs.
    """
    with transaction.atomic():
        delegation = (
            Delegation.objects.select_for_update()
            .filter(principal_person_id=principal_person_id, delegation_id=delegation_id)
            .first()
        )
        parties = {str(delegation.principal_person_id), str(delegation.agent_person_id)} if delegation else set()
        if delegation is None or (by.kind == "resident" and by.name not in parties):
            raise Refused(Reason.PERSON_UNKNOWN, "没有这份委托")
        if delegation.revoked_at is None:
            delegation.revoked_at, delegation.revoked_by = at, str(by)
            delegation.save(update_fields=["revoked_at", "revoked_by"])
            _record("delegation.revoked", delegation, by=by, at=at)
            hooks.ended(delegation, by, at)
        return delegation


def forget_old(*, at: datetime) -> int:
    """Delete counts and requests older than a week; how many. Delegations stay."""
    before = at - timedelta(days=TRIES_KEPT_DAYS)
    gone, _ = Request.objects.filter(asked_at__lt=before).delete()
    counted, _ = Tries.objects.filter(day__lt=beijing_day(before)).delete()
    return gone + counted


def acts_text(acts: Collection[str]) -> str:
    """Acts in Chinese, for a message: 申请、查看进度."""
    return "、".join(ACT_NAMES[act] for act in rules.Act if act in acts)


def _make(
    principal_person_id: int,
    agent_person_id: int,
    terms: Terms,
    proof: Proof,
    *,
    delegation_id: UUID,
    by: Actor,
    at: datetime,
    evidence: str = "",
) -> Delegation:
    today = beijing_day(at)
    rules.check_terms(terms.acts, terms.until, today)
    with transaction.atomic():
        people = {
            one.person_id: one
            for one in Person.objects.select_for_update()
            .filter(person_id__in=[principal_person_id, agent_person_id])
            .order_by("person_id")
        }
        principal, agent = people.get(principal_person_id), people.get(agent_person_id)
        if principal is None or agent is None:
            raise Refused(Reason.PERSON_UNKNOWN, "登记簿中没有此人")
        known = Delegation.objects.filter(principal_person_id=principal_person_id, delegation_id=delegation_id).first()
        if known is not None:
            if known.agent_person_id != agent_person_id or set(known.acts) != set(terms.acts):
                raise Refused(Reason.ID_REUSED, "这份委托已经办理过，请重新打开页面")
            return known
        _check(principal, agent, at)
        delegation = Delegation.objects.create(
            principal_person_id=principal_person_id,
            delegation_id=delegation_id,
            agent_person_id=agent_person_id,
            acts=sorted(set(terms.acts)),
            since=today,
            until=terms.until,
            proof=proof,
            evidence_sealed=field_cipher().seal("evidence", evidence) if evidence else None,
            made_at=at,
            made_by=str(by),
        )
        _record("delegation.given", delegation, by=by, at=at, proof=proof, acts=delegation.acts, until=str(terms.until))
        if proof is not Proof.GIVEN:  # whoever gave it on the screen knows
            transaction.on_commit(lambda: _tell(principal, agent, delegation), robust=True)
        return delegation


def _check(principal: Person, agent: Person, at: datetime) -> None:
    today = beijing_day(at)
    rules.check_parties(
        principal_person_id=principal.person_id,
        principal_born=principal.birth_date,
        agent_person_id=agent.person_id,
        agent_born=agent.birth_date,
        today=today,
    )
    if len(delegations_by(principal.person_id, today)) >= rules.AGENTS_MAX:
        raise Refused(Reason.TOO_MANY, f"同时有效的委托最多 {rules.AGENTS_MAX} 份，请先撤销不需要的")
    if len(delegations_to(agent.person_id, today)) >= rules.PRINCIPALS_MAX:
        raise Refused(Reason.TOO_MANY, f"一个人最多为 {rules.PRINCIPALS_MAX} 人代办")


def _tell(principal: Person, agent: Person, delegation: Delegation) -> None:
    phone = clear_view(principal).phone
    if phone:
        name = masked_name(clear_view(agent).name)
        acts = acts_text(delegation.acts)
        messages.send(phone, GIVEN_TEXT.format(name=name, acts=acts, until=delegation.until))


def _digest(request_id: UUID, code: str) -> bytes:
    digits = "".join(character for character in code if character.isdecimal())
    return field_cipher().blind_index("delegation_code", f"{request_id}:{digits}")


def _record(action: str, delegation: Delegation, *, by: Actor, at: datetime, **details: object) -> None:
    record(
        action,
        subject=f"delegation:{delegation.delegation_id}",
        by=by,
        at=at,
        person_id=delegation.principal_person_id,
        agent_person_id=delegation.agent_person_id,
        **details,
    )
