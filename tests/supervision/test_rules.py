"""Concentration and the test of positions: against published values, SciPy, and people who do choose by position."""

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from yikatong.supervision.rules import (
    Level,
    Position,
    Verdict,
    concentration,
    most_favoured,
    position_test,
    positions,
    quantile_days,
)

BANKS = 16


@pytest.mark.parametrize(
    ("shares", "hhi", "floor", "normalised", "level"),
    [
        # the example of the Department of Justice's own page: 30, 30, 20 and 20 percent make 2,600
        ([30, 30, 20, 20], 2600, 2500, 0.0133, Level.HIGH),
        ([1] * 16, 625, 625, 0, Level.LOW),
        ([1] * 10, 1000, 1000, 0, Level.MODERATE),  # 1,000 itself is moderate
        ([1] * 5, 2000, 2000, 0, Level.HIGH),
        ([7] + [0] * 15, 10000, 625, 1, Level.HIGH),
        ([9], 10000, 10000, 1, Level.HIGH),
        ([30, 30, 0, 0], 5000, 2500, 1 / 3, Level.HIGH),  # whom nobody chose takes part all the same
        ([3, 3, 2, 1, 1], 2400, 2000, 0.05, Level.HIGH),
    ],
)
def test_concentration(shares: list[int], hhi: float, floor: float, normalised: float, level: Level) -> None:
    found = concentration({f"B{number}": share for number, share in enumerate(shares)})
    assert found is not None
    assert found.hhi == pytest.approx(hhi)
    assert found.floor == pytest.approx(floor)
    assert found.normalised == pytest.approx(normalised, abs=1e-4)
    assert found.level is level


def test_eighteen_hundred_itself_is_not_yet_high() -> None:
    shares = {"a": 30, "b": 20, "c": 15, "d": 15, "e": 5, "f": 5, "g": 5, "h": 5}
    found = concentration(shares)
    assert found is not None
    assert found.hhi == pytest.approx(1850)
    assert found.level is Level.HIGH
    even = concentration({"a": 3, "b": 3, "c": 1, "d": 1, "e": 1, "f": 1})
    assert even is not None
    assert even.hhi == pytest.approx(2200)
    exact = concentration({"a": 20, "b": 20, "c": 20, "d": 20, "e": 10, "f": 10})
    assert exact is not None
    assert (exact.hhi, exact.level) == (pytest.approx(1800), Level.MODERATE)


def test_what_chance_alone_gives_to_few_people() -> None:
    """Seven people and sixteen banks: the mean over many such groups, and the formula."""
    random = np.random.default_rng(5)
    groups = [np.bincount(random.integers(0, BANKS, 7), minlength=BANKS).tolist() for _ in range(4000)]
    found = [concentration({str(number): count for number, count in enumerate(group)}) for group in groups]
    points = [each.hhi for each in found if each is not None]
    first = found[0]
    assert first is not None
    assert first.by_chance == pytest.approx(1964.3, abs=0.1)
    assert np.mean(points) == pytest.approx(first.by_chance, rel=0.02)
    assert first.is_small_sample
    many = concentration(dict.fromkeys("abcd", 5))
    assert many is not None
    assert not many.is_small_sample


def test_nothing_chosen_is_not_concentrated() -> None:
    assert concentration({"ICBC": 0, "ABC": 0}) is None


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=20).filter(any))
def test_concentration_lies_between_even_shares_and_one_bank_alone(counts: list[int]) -> None:
    found = concentration({str(number): count for number, count in enumerate(counts)})
    assert found is not None
    assert found.floor - 1e-6 <= found.hhi <= 10_000 + 1e-6
    assert -1e-9 <= found.normalised <= 1 + 1e-9


# --- the test of positions ---


def test_a_published_value() -> None:
    """R. A. Fisher's table: 11.07 is passed with 5 degrees of freedom by one in twenty; a die thrown 120 times."""
    found = position_test({6: [20, 22, 17, 18, 19, 24]})
    assert found.chi_square == pytest.approx(1.7)
    assert found.degrees == 5
    assert found.p_value == pytest.approx(0.8889, abs=1e-4)
    assert scipy.stats.chi2.ppf(0.95, 5) == pytest.approx(11.07, abs=0.01)


@given(st.lists(st.integers(0, 400), min_size=2, max_size=16).filter(lambda counts: sum(counts) >= 5 * len(counts)))
def test_one_length_of_list_is_scipys_test_of_even_shares(counts: list[int]) -> None:
    found = position_test({len(counts): counts})
    oracle = scipy.stats.chisquare(counts)
    assert found.chi_square == pytest.approx(oracle.statistic)
    assert found.p_value == pytest.approx(oracle.pvalue)
    assert (found.verdict is Verdict.DEPENDS) is bool(oracle.pvalue < 0.05)


def test_lengths_are_tested_apart_and_added_up() -> None:
    three, sixteen = [60, 40, 50], [30] * 8 + [20] * 8
    found = position_test({3: three, 16: sixteen})
    parts = [scipy.stats.chisquare(three), scipy.stats.chisquare(sixteen)]
    assert found.degrees == 2 + 15
    assert found.chi_square == pytest.approx(sum(part.statistic for part in parts))
    assert found.p_value == pytest.approx(scipy.stats.chi2.sf(found.chi_square, 17))
    assert found.people == 150 + 400


@pytest.mark.parametrize(
    ("chosen", "verdict", "people", "left_out"),
    [
        ({}, Verdict.NO_CHOICES, 0, 0),
        ({1: [900]}, Verdict.NO_CHOICES, 0, 0),  # a pension bank alone is no choice
        ({3: [0, 0, 0]}, Verdict.NO_CHOICES, 0, 0),
        ({3: [5, 5, 4]}, Verdict.TOO_FEW, 0, 14),
        ({3: [5, 5, 5]}, Verdict.INDEPENDENT, 15, 0),
        ({3: [50, 50, 50], 16: [1] * 16}, Verdict.INDEPENDENT, 150, 16),
        ({2: [90, 10]}, Verdict.DEPENDS, 100, 0),
    ],
)
def test_what_is_tested_and_what_is_too_few(
    chosen: dict[int, list[int]], verdict: Verdict, people: int, left_out: int
) -> None:
    found = position_test(chosen)
    assert (found.verdict, found.people, found.left_out) == (verdict, people, left_out)


def test_counts_that_do_not_fit_their_list_are_refused() -> None:
    with pytest.raises(ValueError, match="as many positions"):
        position_test({3: [1, 2]})


def choices(seed: int, *, people: int, lazy: float) -> dict[int, list[int]]:
    """People with tastes of their own (some banks are far more popular), of whom a share takes whatever stands first."""
    random = np.random.default_rng(seed)
    taste = random.dirichlet(np.full(BANKS, 0.4))
    chosen = {3: [0] * 3, BANKS: [0] * BANKS}
    for length in random.choice([3, BANKS], people):
        order = random.permutation(BANKS)[:length]
        wish = taste[order] / taste[order].sum()
        place = 0 if random.random() < lazy else int(random.choice(length, p=wish))
        chosen[int(length)][place] += 1
    return chosen


@pytest.mark.parametrize("seed", range(8))
def test_who_takes_the_first_bank_is_detected(seed: int) -> None:
    chosen = choices(seed, people=2000, lazy=0.1)
    assert position_test(chosen).verdict is Verdict.DEPENDS
    favoured = most_favoured(positions({}, chosen))
    assert favoured is not None
    assert favoured.position == 1


def test_who_chooses_by_taste_is_not() -> None:
    """At 5 % one fair period in twenty is told to depend: of 200, more than 20 would be a fault with odds under 1 in 1,000."""
    found = [position_test(choices(seed, people=600, lazy=0.0)) for seed in range(200)]
    assert sum(test.verdict is Verdict.DEPENDS for test in found) <= 20
    assert scipy.stats.kstest([test.p_value for test in found], "uniform").pvalue > 0.001


# --- positions, and days ---


def test_the_table_of_positions() -> None:
    table = positions({1: 40, 2: 10, 3: 30}, {1: [40], 2: [6, 2], 3: [9, 3, 3]})
    assert table == [
        Position(1, 40, 15, 4 + 5, 23),
        Position(2, 40, 5, 4 + 5, 23),
        Position(3, 30, 3, 5, 23),
    ]
    assert table[0].share == pytest.approx(100 * 15 / 23)
    assert table[0].expected_share == pytest.approx(100 * 9 / 23)
    assert sum(row.expected for row in table) == pytest.approx(23)
    assert positions({1: 9}, {1: [9]}) == []
    assert most_favoured([]) is None
    assert positions({2: 5}, {})[1].share == positions({2: 5}, {})[1].expected_share == 0


@given(st.dictionaries(st.integers(0, 60), st.integers(1, 50), min_size=1), st.sampled_from([10, 50, 90, 100]))
def test_quantiles_are_numpys(days: dict[int, int], percent: int) -> None:
    everybody = np.repeat(list(days), list(days.values()))
    assert quantile_days(days, percent) == np.percentile(everybody, percent, method="inverted_cdf")


def test_nobody_has_no_median() -> None:
    assert quantile_days({}, 50) is None
