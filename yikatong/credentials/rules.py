"""What the credential says: which claims, which of them only when shown, for how long. Pure: no Django, no clock.

Source: draft-ietf-oauth-sd-jwt-vc (``dc+sd-jwt``); the choice of claims is an assumption. Always visible is only what a verifier
needs to verify: issuer, type, dates, the holder's key, the place in the status list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

FORMAT = "dc+sd-jwt"
CONFIGURATION = "social_security_card"
"""The one kind of credential there is, as ``credential_configuration_id``."""
AGES = (18, 60, 65)
"""Majority (Civil Code, article 17); benefits for the old begin at 60 and 65."""
NEVER_SELECTIVE = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"})
"""What must not be hidden. Source: draft-ietf-oauth-sd-jwt-vc, section 2.2.2.2 (registered JWT claims)."""


class Claim(StrEnum):
    """A claim that is shown only when the holder agrees."""

    NAME = "name"
    CARD_NUMBER_TAIL = "card_number_tail"
    BIRTHDATE = "birthdate"
    AGE_OVER_18 = "age_over_18"
    AGE_OVER_60 = "age_over_60"
    AGE_OVER_65 = "age_over_65"
    INSURED_CATEGORY = "insured_category"
    CARD_VALID_UNTIL = "card_valid_until"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the register and the card say of a holder."""

    name: str
    birth_date: date
    card_number: str
    insured_category: str
    card_valid_until: date | None


def selective_claims(facts: Facts, *, on: date) -> dict[str, Any]:
    """The claims by name, as of a day; ages stay as they were on that day for as long as the credential lasts."""
    return {
        Claim.NAME: facts.name,
        Claim.CARD_NUMBER_TAIL: facts.card_number[-3:],
        Claim.BIRTHDATE: facts.birth_date.isoformat(),
        **{f"age_over_{age}": age_on(facts.birth_date, on) >= age for age in AGES},
        Claim.INSURED_CATEGORY: facts.insured_category,
        Claim.CARD_VALID_UNTIL: facts.card_valid_until.isoformat() if facts.card_valid_until else None,
    }


def age_on(born: date, on: date) -> int:
    """Full years; somebody born on 29 February becomes older on 1 March."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def visible_claims(
    *, issuer: str, vct: str, at: datetime, lasts: timedelta, holder: Mapping[str, Any], status_uri: str, index: int
) -> dict[str, Any]:
    """What everybody sees. The time of issue is cut to the day, so that it does not tell two holders apart."""
    day_s = int(at.timestamp()) // 86400 * 86400
    return {
        "iss": issuer,
        "vct": vct,
        "iat": day_s,
        "exp": day_s + int(lasts.total_seconds()),
        "cnf": {"jwk": {name: holder[name] for name in ("kty", "crv", "x", "y")}},
        "status": {"status_list": {"idx": index, "uri": status_uri}},
    }
