"""Who may act for whom, in which acts, until when, and how it must be proven.

Pure: no I/O, no clock, no framework. A guardian's right comes from the register and is not granted here
(``registry.rules.guardianship_holds``); everybody else's is a delegation.
"""

from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum

from yikatong.foundation.clock import age_years
from yikatong.foundation.errors import Refused

ADULT_AGE_YEARS = 18
"""Who gives a right and who takes it must be able to act. Source: Civil Code, articles 17, 18 and 161."""


class Act(StrEnum):
    """What one may do for somebody else; each is given by itself."""

    APPLY = "apply"
    FOLLOW = "follow"
    BOOK = "book"
    COLLECT = "collect"
    ACTIVATE = "activate"
    REPORT_LOSS = "report_loss"
    SHOW_CODE = "show_code"


class Proof(StrEnum):
    """How it is known that the principal wants it."""

    GIVEN = "given"  # the principal, signed in
    CODE = "code"  # the code that went to the principal's registered phone
    IN_PERSON = "in_person"  # both before staff, with their documents


class Reason(StrEnum):
    """Why a right is not given, in the order of checking."""

    PERSON_UNKNOWN = "person_unknown"
    TOO_MANY_TRIES = "too_many_tries"
    PHONE_IS_OWN = "phone_is_own"
    SAME_PERSON = "same_person"
    PRINCIPAL_UNDER_AGE = "principal_under_age"
    AGENT_UNDER_AGE = "agent_under_age"
    ACTS_MISSING = "acts_missing"
    UNTIL_WRONG = "until_wrong"
    TOO_MANY = "too_many"
    EVIDENCE_MISSING = "evidence_missing"
    CODE_WRONG = "code_wrong"
    ID_REUSED = "id_reused"


YEARS_MAX = 3
"""Longer than anybody remembers having given it. Source: assumption."""
CODE_LASTS = timedelta(minutes=15)
CODE_TRIES_MAX = 5
"""Six digits and five tries: one in 200,000 by guessing. Source: assumption."""
DAILY_TRIES_MAX = 10
"""How often somebody may name another person in a day, right or wrong: nobody looks people up here. Source: assumption."""
DAILY_CODES_MAX = 3
"""How many codes one phone's owner gets in a day, whoever asks. Source: assumption."""
AGENTS_MAX, PRINCIPALS_MAX = 5, 10
"""How many may act for one, and for how many one may act, without being their guardian. Source: assumption."""


def last_day_max(today: date) -> date:
    """The furthest last day of a right given today."""
    is_leap_day = (today.month, today.day) == (2, 29)
    return today.replace(year=today.year + YEARS_MAX, day=28 if is_leap_day else today.day)


def check_terms(acts: Collection[str], until: date, today: date) -> None:
    """At least one act that exists, and a last day between today and three years from now. Raises ``Refused``."""
    if not acts or not set(acts) <= set(Act):
        raise Refused(Reason.ACTS_MISSING, "请选择委托办理的事项")
    if not today <= until <= last_day_max(today):
        raise Refused(Reason.UNTIL_WRONG, f"委托的最后一天应在今天到 {last_day_max(today)} 之间")


def check_parties(
    *, principal_person_id: int, principal_born: date, agent_person_id: int, agent_born: date, today: date
) -> None:
    """Two adults. A minor gives no right: the guardian acts. Raises ``Refused``."""
    if principal_person_id == agent_person_id:
        raise Refused(Reason.SAME_PERSON, "不能委托给本人")
    if age_years(principal_born, today) < ADULT_AGE_YEARS:
        raise Refused(Reason.PRINCIPAL_UNDER_AGE, "委托人未满十八周岁，由监护人办理，无需委托")
    if age_years(agent_born, today) < ADULT_AGE_YEARS:
        raise Refused(Reason.AGENT_UNDER_AGE, "受托人须年满十八周岁")
