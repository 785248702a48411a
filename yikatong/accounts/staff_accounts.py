"""Accounts of staff: made, changed, switched off, given a new first password.

Switching off takes one person, because it is the safe direction; everything that gives somebody a right takes two
(``approvals.account_acts``). Two administrators stay at least, so that what takes two people can always be done.
"""

import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from yikatong.accounts import own_sessions
from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.errors import Refused

ADMINISTRATORS_MIN = 2
USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,39}")
_FIRST_PASSWORD_BYTES = 12


class Reason(StrEnum):
    """Why something about an account is refused."""

    ACCOUNT_UNKNOWN = "account_unknown"
    USERNAME_TAKEN = "username_taken"
    USERNAME_WRONG = "username_wrong"
    ROLE_WRONG = "role_wrong"
    PLACE_MISSING = "place_missing"
    OWN_ACCOUNT = "own_account"
    LAST_ADMINISTRATORS = "last_administrators"
    ENOUGH = "administrators_enough"


@dataclass(frozen=True, slots=True)
class Duties:
    """What an account is for: a role and the outlet, unit or operator it belongs to."""

    role: str
    outlet_id: str = ""
    organisation_code: str = ""
    operator_code: str = ""

    def check(self) -> None:
        """Raises ``Refused`` when the role is a resident's, or its place is missing or another's."""
        if self.role not in set(Role.values) - {Role.RESIDENT}:
            raise Refused(Reason.ROLE_WRONG, "请选择一个工作人员岗位")
        needed = {
            Role.BANK_CLERK: self.outlet_id,
            Role.UNIT: self.organisation_code,
            Role.OPERATOR: self.operator_code,
        }
        if self.role in needed and not needed[Role(self.role)]:
            raise Refused(Reason.PLACE_MISSING, "这个岗位要填写所属的网点、单位或运营单位")


def create_account(username: str, duties: Duties, *, by: Actor, at: datetime) -> str:
    """Make an account; its first password, which must be changed at the first sign-in. Raises ``Refused``."""
    check_new(username, duties)
    with transaction.atomic():
        user = User(username=username, must_change_password=True, **asdict(duties))
        password = _give_first_password(user)
        user.save()
        _record("account.created", user, by=by, at=at, **asdict(duties))
    return password


def add_first_administrator(username: str, *, by: Actor, at: datetime) -> str:
    """The first two administrators, without whom nobody could approve a third. Raises ``Refused`` (``ENOUGH``)."""
    with transaction.atomic():
        active = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True)
        if len(active) >= ADMINISTRATORS_MIN:
            raise Refused(Reason.ENOUGH, "已有两名在用的系统管理员；其他账号请在工作台由两人办理")
        return create_account(username, Duties(Role.ADMINISTRATOR), by=by, at=at)


def check_new(username: str, duties: Duties) -> None:
    """Raises ``Refused`` when such an account cannot be made."""
    duties.check()
    if not USERNAME.fullmatch(username):
        raise Refused(Reason.USERNAME_WRONG, "用户名用小写字母开头，由 3 至 40 位小写字母、数字、点、横线组成")
    if User.objects.filter(username=username).exists():
        raise Refused(Reason.USERNAME_TAKEN, "这个用户名已有人使用")


def change_duties(user_id: int, duties: Duties, *, by: Actor, at: datetime) -> None:
    """Give an account another role or place; it holds from the next page on. Repeating it changes nothing."""
    duties.check()
    with transaction.atomic():
        user = _locked(user_id)
        before = duties_of(user)
        if before == duties:
            return
        if before.role == Role.ADMINISTRATOR and duties.role != Role.ADMINISTRATOR:
            _check_administrators_left(user)
        for name, value in asdict(duties).items():
            setattr(user, name, value)
        user.save(update_fields=list(asdict(duties)))
        _record("account.changed", user, by=by, at=at, before=asdict(before), after=asdict(duties))


def deactivate(user_id: int, *, by: User, at: datetime) -> None:
    """Switch an account off at once, everywhere. Repeating it changes nothing. Raises ``Refused``."""
    with transaction.atomic():
        user = _locked(user_id)
        if user.pk == by.pk:
            raise Refused(Reason.OWN_ACCOUNT, "不能停用自己的账号")
        if not user.is_active:
            return
        if user.role == Role.ADMINISTRATOR:
            _check_administrators_left(user)
        user.is_active = False
        user.save(update_fields=["is_active"])
        own_sessions.end_all(user)
        _record("account.deactivated", user, by=Actor("staff", by.username), at=at)


def end_sessions(user_id: int, *, by: User, at: datetime) -> int:
    """Sign an account out everywhere and leave it as it is otherwise; how many sessions were listed. Raises ``Refused``."""
    with transaction.atomic():
        user = _locked(user_id)
        ended = own_sessions.end_all(user)
        _record("account.sessions_ended", user, by=Actor("staff", by.username), at=at, sessions=ended)
    return ended


def reset_sign_in(user_id: int, *, by: Actor, at: datetime) -> str:
    """A new first password; the second factor is forgotten and an account switched off is on again."""
    with transaction.atomic():
        user = _locked(user_id)
        password = _give_first_password(user)
        user.is_active, user.must_change_password = True, True
        user.save(update_fields=["password", "is_active", "must_change_password"])
        Authenticator.objects.filter(user=user).delete()
        own_sessions.end_all(user)
        _record("account.sign_in_reset", user, by=by, at=at)
    return password


def duties_of(user: User) -> Duties:
    """What an account is for now."""
    return Duties(user.role, user.outlet_id, user.organisation_code, user.operator_code)


def staff_account(user_id: int) -> User | None:
    """An account of staff; residents' are nobody's business here."""
    return User.objects.filter(pk=user_id).exclude(role=Role.RESIDENT).first()


def _locked(user_id: int) -> User:
    user = User.objects.select_for_update().filter(pk=user_id).exclude(role=Role.RESIDENT).first()
    if user is None:
        raise Refused(Reason.ACCOUNT_UNKNOWN, "没有这个工作账号")
    return user


def _check_administrators_left(user: User) -> None:
    # All of them are locked, in one order, so that two cannot switch off each other's last colleague at once.
    active = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True).order_by("pk")
    if sum(1 for each in active if each.pk != user.pk) < ADMINISTRATORS_MIN:
        raise Refused(Reason.LAST_ADMINISTRATORS, f"至少要保留 {ADMINISTRATORS_MIN} 名在用的系统管理员")


def _give_first_password(user: User) -> str:
    password = secrets.token_urlsafe(_FIRST_PASSWORD_BYTES)
    user.set_password(password)
    return password


def _record(action: str, user: User, *, by: Actor, at: datetime, **details: Any) -> None:
    record(action, subject=f"account:{user.pk}", by=by, at=at, username=user.username, **details)
