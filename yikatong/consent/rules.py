"""Who may agree for whom, when a yes counts, and when a code confirms. Pure: no I/O, no clock, no framework."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from yikatong.city.consents import ConsentText
from yikatong.city.rules import Limits
from yikatong.foundation.clock import age_years
from yikatong.foundation.errors import Refused

CHILD_UNDER_YEARS = 14
"""Source: 个人信息保护法第三十一条 (a guardian agrees for whoever is under fourteen), article number not checked."""
ADULT_AGE_YEARS = 18
RESEND_AFTER = timedelta(seconds=60)
"""A second code within a minute helps nobody. Source: assumption."""
CODE_LENGTH = 6


class Reason(StrEnum):
    """Why a consent, a code or a request is refused."""

    PURPOSE_UNKNOWN = "purpose_unknown"
    NOT_YOURS_TO_GIVE = "not_yours_to_give"
    GUARDIAN_AGREES = "guardian_agrees"
    NOT_FOR_THIS_AGE = "not_for_this_age"
    NO_PHONE = "no_phone"
    SENT_JUST_NOW = "sent_just_now"
    TOO_MANY_CODES = "too_many_codes"
    NOT_SENT = "not_sent"
    CODE_WRONG = "code_wrong"
    CODE_EXPIRED = "code_expired"
    CODE_USED = "code_used"
    TOO_MANY_TRIES = "too_many_tries"
    TEXT_MISSING = "text_missing"
    TEXT_TOO_LONG = "text_too_long"
    PERSON_UNKNOWN = "person_unknown"
    REQUEST_UNKNOWN = "request_unknown"
    ANSWERED_ALREADY = "answered_already"
    REQUEST_DIFFERS = "request_differs"


@dataclass(frozen=True, slots=True)
class LastWord:
    """The newest entry of a person for a purpose."""

    is_given: bool
    text_version: str


def counts_as_given(last: LastWord | None, text: ConsentText, least_version: str) -> bool:
    """Whether a purpose is agreed to. ``least_version``: of the oldest words whose yes still counts.

    Silence is no agreement; only what the service itself needs is on until it is switched off.
    """
    if last is None:
        return text.at_first == "on"
    if not last.is_given:
        return False
    return text.at_first == "on" or last.text_version >= least_version


def check_who_agrees(
    text: ConsentText, *, person_id: int, by_person_id: int, birth_date: date, guardian_ids: frozenset[int], on: date
) -> None:
    """A person agrees for themselves, a guardian for a minor; for a child under 14 only the guardian. Raises ``Refused``."""
    age = age_years(birth_date, on)
    is_guardian = by_person_id in guardian_ids and age < ADULT_AGE_YEARS
    if text.for_under_14 and age >= CHILD_UNDER_YEARS:
        raise Refused(Reason.NOT_FOR_THIS_AGE, "这一项只适用于未满十四周岁的孩子")
    if age < CHILD_UNDER_YEARS and not is_guardian:
        raise Refused(Reason.GUARDIAN_AGREES, "未满十四周岁的，由监护人同意")
    if by_person_id != person_id and not is_guardian:
        raise Refused(Reason.NOT_YOURS_TO_GIVE, "只能由本人（未成年人可由监护人）同意或撤回")


def applies_to(text: ConsentText, birth_date: date, on: date) -> bool:
    """Whether a person of this age is asked at all."""
    return not text.for_under_14 or age_years(birth_date, on) < CHILD_UNDER_YEARS


def check_may_send(sent: list[tuple[datetime, bool]], at: datetime, limits: Limits) -> None:
    """Not twice within a minute, and not too many in an hour. ``sent``: when codes went to this person and whether each was used.

    A code that did its work keeps nobody waiting for the next. Raises ``Refused``.
    """
    if any(at - moment < RESEND_AFTER for moment, is_used in sent if not is_used):
        raise Refused(Reason.SENT_JUST_NOW, "验证码刚刚发送，请一分钟后再试")
    if sum(at - moment < timedelta(hours=1) for moment, _ in sent) >= limits.confirmation_codes_per_hour_max:
        raise Refused(Reason.TOO_MANY_CODES, "一小时内发送的验证码太多，请稍后再试")


def check_code(
    *, is_right: bool, tries: int, is_used: bool, expires_at: datetime, at: datetime, tries_max: int
) -> None:
    """Whether a code confirms now. ``tries``: wrong ones before this. Raises ``Refused``; used and expired before wrong."""
    if is_used:
        raise Refused(Reason.CODE_USED, "这个验证码已经用过，请重新获取")
    if at >= expires_at:
        raise Refused(Reason.CODE_EXPIRED, "验证码已过期，请重新获取")
    if tries >= tries_max:
        raise Refused(Reason.TOO_MANY_TRIES, "验证码填错次数过多，请重新获取")
    if not is_right:
        raise Refused(Reason.CODE_WRONG, "验证码不对，请核对短信")
