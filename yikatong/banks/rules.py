"""In which order an applicant sees the banks, and how anybody can check it.

Pure: no I/O, no clock, no framework. The order is a function of three things and nothing else: the day's seed, a pseudonym
of the applicant, and the banks' codes. So no bank can be put first on purpose, and a bank that holds the published seed can
recompute every order without learning who the applicants are. It does not decide which banks a person may choose: see
``applications.rules``. Source: docs/algorithms/bank-order.md.
"""

import hmac
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from yikatong.gm import sm3

RULE_NAME = "YKT-BANK-ORDER-1"
SEED_LENGTH = 32
PERSON_KEY_LENGTH = 16
_DOMAIN = RULE_NAME.encode()


class Reason(StrEnum):
    """Why a command about the day's seed or order was refused."""

    DAY_IS_PAST = "day_is_past"
    DAY_IS_NOT_TODAY = "day_is_not_today"
    DAY_NOT_OVER = "day_not_over"
    SEED_NOT_COMMITTED = "seed_not_committed"
    SEED_NOT_REVEALED = "seed_not_revealed"
    NO_BANKS = "no_banks"


def order_for(seed: bytes, person_key: bytes, bank_codes: Iterable[str]) -> tuple[str, ...]:
    """The banks in the order of SM3(rule name ‖ seed ‖ person key ‖ code); the order they are given in does not matter.

    ``seed`` has 32 bytes, ``person_key`` 16; codes are ASCII and differ. Raises ``ValueError`` otherwise.
    """
    codes = list(bank_codes)
    if len(seed) != SEED_LENGTH or len(person_key) != PERSON_KEY_LENGTH:
        raise ValueError(f"need a seed of 32 and a person key of 16 bytes; got {len(seed)} and {len(person_key)}")
    if len(set(codes)) != len(codes):
        raise ValueError(f"a bank occurs twice: {sorted(codes)}")
    prefix = _DOMAIN + seed + person_key
    return tuple(sorted(codes, key=lambda code: (sm3.digest(prefix + code.encode("ascii")), code)))


def commitment_of(seed: bytes) -> str:
    """What is published before the day: SM3 of the seed, in hex. It binds the seed without telling it."""
    return sm3.digest(seed).hex()


def faults_in_publication(publication: Mapping[str, Any]) -> list[str]:
    """What is wrong with a day's published record, in words; empty when the seed and every order hold.

    ``publication``: as ``selectors.publication_of`` makes it and ``yikatong fairness reveal`` writes it.
    """
    try:
        if publication["rule"] != RULE_NAME:
            return [f"规则是 {publication['rule']}，这里只能核对 {RULE_NAME}"]
        seed = bytes.fromhex(publication["seed"])
        faults = []
        if not hmac.compare_digest(commitment_of(seed), publication["commitment"]):
            faults.append("公布的种子与事先公布的摘要不符")
        seen: set[str] = set()
        for draw in publication["draws"]:
            key = draw["person_key"]
            if list(order_for(seed, bytes.fromhex(key), publication["banks"])) != list(draw["order"]):
                faults.append(f"{key} 的银行次序与种子不符")
            if key in seen:
                faults.append(f"{key} 出现不止一次")
            seen.add(key)
        return faults
    except (KeyError, TypeError, ValueError) as error:
        return [f"记录的格式不对：{error!r}"]
