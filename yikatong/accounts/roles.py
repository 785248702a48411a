"""Who may go where: one table of roles, and the one list of addresses that need no sign-in.

An area is the namespace of a group of addresses. Whoever is not in the table may go nowhere.
"""

from yikatong.accounts.models import Role

AREAS: dict[str, frozenset[str]] = {
    Role.RESIDENT: frozenset({"portal"}),
    Role.BANK_CLERK: frozenset({"work", "bank", "delegations"}),
    Role.KIOSK: frozenset({"work", "kiosk"}),
    Role.CARD_CENTRE: frozenset({"work", "staff", "campaigns", "fairness", "statements", "audit"})
    | {"approvals", "cases", "content", "delegations", "exports", "messaging"},
    Role.UNIT: frozenset({"work", "unit"}),
    Role.OUTREACH: frozenset({"work", "delegations", "outreach"}),
    Role.OPERATOR: frozenset({"work", "statements", "verify"}),
    Role.AUDITOR: frozenset({"work", "fairness", "statements", "audit", "exports"}),
    Role.ADMINISTRATOR: frozenset({"work", "accounts", "approvals"}),
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
        "mfa_authenticate",
        "openid:authorization_server",
        "openid:credential",
        "openid:credential_issuer",
        "openid:credential_type",
        "openid:nonce",
        "openid:presentation",
        "openid:status",
        "openid:token",
        "openid:vc_issuer",
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
        "work:outreach:standing",
    }
)
"""Addresses that need no sign-in. ``account_signup`` is closed (the adapter says so); the inbox exists in development only.
Those of ``openid`` are called by wallets, which hold one-time codes and tokens instead of a session."""

SIGNED_IN = frozenset(
    {
        "account_reauthenticate",
        "kept_form",
        "session_extend",
        "mfa_activate_totp",
        "mfa_deactivate_totp",
        "mfa_generate_recovery_codes",
        "mfa_index",
        "mfa_reauthenticate",
        "mfa_view_recovery_codes",
        "portal:home",
    }
)
"""Addresses for everybody who is signed in, whatever the role."""


def may_visit(role: str, area: str) -> bool:
    """Whether a role may visit an area."""
    return area in AREAS.get(role, frozenset())
