"""Identity numbers, phones, card numbers and credit codes that are well formed and cannot be anybody's.

Whole arrays at a time; the check digits follow the same standards as ``foundation.checksums``, which the tests hold them against.
"""

import numpy as np
import polars as pl

from yikatong.foundation.checksums import card_number_check_digit, credit_code_check_digit
from yikatong.registry.synth.sources import Integers

# Beijing's divisions are 1101xx and 1102xx; no 1199xx was ever assigned. Source: GB/T 2260 as in the tests' division list.
UNASSIGNED_DIVISION = 119900
# Source: assumption. Mobile numbers begin with 13 to 19; no number of eleven digits begins with 102.
PHONE_PREFIX = 102
OLDER_CARD_LETTERS = "ABCDEFGH"
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CARD_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_SAME_DAY_MAX = 500  # sequence numbers of one sex on one day in one division
_DAYS = 130 * 366
_PERMUTATION_STEP = 7_654_321  # has no factor in common with a power of ten, so every number comes once


class IdentityNumbers:
    """Hands out identity numbers, each once. Divisions 119901… stand for the city's districts in order."""

    def __init__(self, districts: int, last_day: int) -> None:
        self._used = np.zeros((districts, _DAYS, 2), dtype=np.int16)
        self._last_day = last_day

    def take(self, district: Integers, birth_day: Integers, is_male: Integers) -> pl.Series:
        """Numbers for persons of a district (position), born on a day (since 1970-01-01), of a sex (1 male, 0 female)."""
        cell = np.ravel_multi_index((district, self._last_day - birth_day, is_male), self._used.shape)
        order = np.argsort(cell, kind="stable")
        in_order = cell[order]
        starts = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1])))
        sizes = np.diff(np.append(starts, len(in_order)))
        rank = np.empty(len(cell), dtype=np.int64)
        rank[order] = np.arange(len(cell)) - np.repeat(starts, sizes)
        used = self._used.reshape(-1)
        rank += used[cell]
        used[in_order[starts]] += sizes.astype(np.int16)
        if rank.max(initial=0) >= _SAME_DAY_MAX:
            raise ValueError("more people than there are identity numbers for a day; ask for fewer persons")
        first17 = (UNASSIGNED_DIVISION + 1 + district) * 10**11 + _as_yyyymmdd(birth_day) * 1000 + 2 * rank + is_male
        remainder = _weighted_digits(first17, _IDENTITY_WEIGHTS) % 11
        check = pl.Series(np.array(list("10X98765432"), dtype=object)[remainder], dtype=pl.String)
        return pl.Series(first17).cast(pl.String) + check


def phones(first: int, count: int, seed: int) -> pl.Series:
    """Eleven digits beginning with 102, for persons ``first`` … ``first + count - 1``: each number once."""
    serial = _permuted(first, count, seed, 10**8)
    return pl.Series(PHONE_PREFIX * 10**8 + serial).cast(pl.String)


def older_card_numbers(first: int, count: int, seed: int) -> pl.Series:
    """Card numbers beginning with A to H, for persons ``first`` … ``first + count - 1``: each number once."""
    serial = _permuted(first, count, seed, len(OLDER_CARD_LETTERS) * 10**7)
    letter, digits = serial // 10**7, serial % 10**7
    # As in foundation.checksums.card_number_check_digit: letters count A = 10, B = 11, …
    total = (letter + 10) * _CARD_WEIGHTS[0] + _weighted_digits(digits, _CARD_WEIGHTS[1:])
    check = pl.Series(np.array(list("0X987654321"), dtype=object)[total % 11], dtype=pl.String)
    letters = pl.Series(np.array(list(OLDER_CARD_LETTERS), dtype=object)[letter], dtype=pl.String)
    return letters + pl.Series(digits).cast(pl.String).str.zfill(7) + check


def credit_code(kind: str, district: int, serial: int) -> str:
    """A credit code with an unassigned division: 91 for an enterprise, 12 for a school. Source: GB 32100-2015.

    Inside stands an organisation code, whose check digit is computed like a card number's. Source: GB 11714-1997.
    """
    organisation = f"{serial:08d}"
    category = {"employer": "91", "school": "12"}[kind]
    division = UNASSIGNED_DIVISION + 1 + district
    first17 = f"{category}{division}{organisation}{card_number_check_digit(organisation)}"
    return first17 + credit_code_check_digit(first17)


def _permuted(first: int, count: int, seed: int, size: int) -> Integers:
    if first + count > size:
        raise ValueError(f"more than {size} persons; there are no more such numbers")
    return ((np.arange(first, first + count, dtype=np.int64) + seed % size) * _PERMUTATION_STEP) % size


def _weighted_digits(numbers: Integers, weights: tuple[int, ...]) -> Integers:
    """The sum of each number's digits times their weights, the last weight for the last digit."""
    rest, total = numbers.copy(), np.zeros(len(numbers), dtype=np.int64)
    for weight in reversed(weights):
        total += weight * (rest % 10)
        rest //= 10
    return total


def _as_yyyymmdd(day: Integers) -> Integers:
    days = day.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64)
    result: Integers = (1970 + month // 12) * 10_000 + (month % 12 + 1) * 100 + (days - months).astype(np.int64) + 1
    return result
