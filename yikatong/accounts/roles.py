"""Who may go where: one table of roles, and the one list of addresses that need no sign-in.

An area is the namespace of a group of addresses. Whoever is not in the table may go nowhere.
"""

from yikatong.accounts.models import Role

AREAS: dict[str, frozenset[str]] = {
    Role.RESIDENT: frozenset({"portal"}),
    Role.BANK_CLERK: frozenset({"work", "bank"}),
    Role.CARD_CENTRE: frozenset({"work", "staff", "campaigns", "content", "fairness", "statements", "audit"}),
    Role.UNIT: frozenset({"work", "unit"}),
    Role.OUTREACH: frozenset({"work"}),
    Role.OPERATOR: frozenset({"work", "statements"}),
    Role.AUDITOR: frozenset({"work", "fairness", "statements", "audit"}),
}

HOME_OF: dict[str, str] = {Role.RESIDENT: "portal:home"}
"""Where a role lands after signing in; everybody else at ``work:home``."""

PUBLIC = frozenset(
    {
        "account_confirm_login_code",
        "account_inactive",
        "account_login",
        "account_logout",
        "account_request_login_code",
        "account_signup",
        "console_inbox",
        "portal:complaint",
        "portal:complaint_state",
        "portal:fairness",
        "portal:fairness_figures",
        "portal:fairness_figures_csv",
        "portal:fairness_record",
        "portal:help",
        "portal:large_print",
        "portal:place",
        "portal:places",
        "portal:question",
        "portal:question_feedback",
        "portal:questions",
        "portal:service",
        "portal:services",
        "portal:video_captions",
        "portal:video_media",
        "portal:videos",
        "portal:welcome",
        "set_language",
    }
)
"""Addresses that need no sign-in. ``account_signup`` is closed (the adapter says so); the inbox exists in development only."""

SIGNED_IN = frozenset({"account_reauthenticate", "portal:home"})
"""Addresses for everybody who is signed in, whatever the role."""


def may_visit(role: str, area: str) -> bool:
    """Whether a role may visit an area."""
    return area in AREAS.get(role, frozenset())
