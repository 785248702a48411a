"""No count under 10 can be computed from what is published: by hand, and by linear programming on random tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from yikatong.supervision.suppression import PUBLISHED_MIN, Hidden, hidden_counts

FEW, PROTECTING = Hidden.FEW, Hidden.PROTECTING
type Sums = list[tuple[str, list[str]]]


def one_sum(*parts: int) -> tuple[dict[str, int], Sums]:
    counts = {f"p{number}": count for number, count in enumerate(parts)}
    return counts | {"all": sum(parts)}, [("all", list(counts))]


@pytest.mark.parametrize(
    ("parts", "hidden"),
    [
        ((100, 200), {}),
        ((10, 200), {}),
        ((9, 30, 200), {"p0": FEW, "p1": PROTECTING}),  # 9 would be the total less the rest
        ((0, 30, 200), {"p0": FEW, "p1": PROTECTING}),  # nobody is also few
        ((0, 12, 25, 200), {"p0": FEW, "p2": PROTECTING}),  # beside 12, it could be 2 at most
        ((5, 5, 200), {"p0": FEW, "p1": FEW, "p2": PROTECTING}),  # two fives: neither could be 0
        ((3, 6, 200), {"p0": FEW, "p1": FEW}),  # nine together: each may be 0 to 9
        ((0, 0, 200), {"p0": FEW, "p1": FEW, "p2": PROTECTING}),  # none together would tell both
        ((4, 4), {"p0": FEW, "p1": FEW, "all": FEW}),
        ((9, 9), {"p0": FEW, "p1": FEW, "all": PROTECTING}),  # 18 would tell that both are nine
    ],
)
def test_one_sum(parts: tuple[int, ...], hidden: dict[str, Hidden]) -> None:
    counts, sums = one_sum(*parts)
    assert hidden_counts(counts, sums) == hidden


def test_sums_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="do not make"):
        hidden_counts({"a": 20, "b": 30, "all": 51}, [("all", ["a", "b"])])


def table(rows: Sequence[Sequence[int]]) -> tuple[dict[str, int], Sums]:
    """A table with both margins and its total, as districts by banks."""
    width, height = len(rows[0]), len(rows)
    counts = {f"{r}/{c}": rows[r][c] for r in range(height) for c in range(width)}
    counts |= {f"{r}/": sum(rows[r]) for r in range(height)}
    counts |= {f"/{c}": sum(row[c] for row in rows) for c in range(width)}
    counts["/"] = sum(map(sum, rows))
    sums: Sums = [(f"{r}/", [f"{r}/{c}" for c in range(width)]) for r in range(height)]
    sums += [(f"/{c}", [f"{r}/{c}" for r in range(height)]) for c in range(width)]
    sums += [("/", [f"{r}/" for r in range(height)]), ("/", [f"/{c}" for c in range(width)])]
    return counts, sums


def room(counts: Mapping[str, int], hidden: Mapping[str, Hidden], sums: Sums, key: str) -> tuple[float, float]:
    """The least and the most that ``key`` can be for somebody who knows all published counts, marks and sums."""
    unknown = list(hidden)
    place = {name: number for number, name in enumerate(unknown)}
    matrix, right = np.zeros((len(sums), len(unknown))), np.zeros(len(sums))
    for line, (total, parts) in enumerate(sums):
        for name, sign in ((total, -1), *((part, 1) for part in parts)):
            if name in place:
                matrix[line, place[name]] += sign
            else:
                right[line] -= sign * counts[name]
    limits = [(0, PUBLISHED_MIN - 1) if hidden[name] is FEW else (PUBLISHED_MIN, None) for name in unknown]
    ends = []
    for sign in (1, -1):
        aim = np.zeros(len(unknown))
        aim[place[key]] = sign
        found = linprog(aim, A_eq=matrix, b_eq=right, bounds=limits)
        assert found.status == 0, found.message
        ends.append(sign * found.fun)
    return ends[0], ends[1]


def test_the_oracle_finds_a_count_that_is_hidden_in_vain() -> None:
    counts, sums = table([[5, 40, 60], [30, 50, 70]])
    assert room(counts, {"0/0": FEW}, sums, "0/0") == pytest.approx((5, 5))
    half = {"0/0": FEW, "0/1": PROTECTING}
    assert room(counts, half, sums, "0/0") == pytest.approx((5, 5)), "the column tells it"


def nobody_learns_a_small_count(counts: dict[str, int], sums: Sums) -> None:
    hidden = hidden_counts(counts, sums)
    assert all(hidden.get(key) is FEW for key, value in counts.items() if value < PUBLISHED_MIN)
    assert all(counts[key] >= PUBLISHED_MIN for key, mark in hidden.items() if mark is PROTECTING)
    for key in (key for key, mark in hidden.items() if mark is FEW):
        least, most = room(counts, hidden, sums, key)
        assert most - least > 0.5, f"{key} is told to be {counts[key]}: {counts} {hidden}"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_nobody_can_compute_a_small_count(data: st.DataObject) -> None:
    """Whatever sums are put together, no hidden small count is left with one value."""
    width, height = data.draw(st.integers(2, 6)), data.draw(st.integers(2, 6))
    count = st.one_of(st.integers(0, 12), st.integers(0, 200))
    rows = data.draw(st.lists(st.lists(count, min_size=width, max_size=width), min_size=height, max_size=height))
    nobody_learns_a_small_count(*table(rows))


def test_tables_of_the_same_people_are_protected_together() -> None:
    """As published: banks by district, by group and by channel, which share the banks' own totals; people made up at random."""
    random = np.random.default_rng(11)
    for _ in range(12):
        people = int(random.integers(30, 900))
        parts = {"district": 5, "group": 4, "channel": 2}
        bank = random.choice(4, people, p=random.dirichlet(np.ones(4)))
        values = {name: random.choice(size, people, p=random.dirichlet(np.ones(size))) for name, size in parts.items()}
        counts = {"all": people} | {f"bank{b}": int((bank == b).sum()) for b in range(4)}
        sums: Sums = [("all", [f"bank{b}" for b in range(4)])]
        for name, size in parts.items():
            for value in range(size):
                here = values[name] == value
                counts[f"{name}{value}"] = int(here.sum())
                counts |= {f"{name}{value}/{b}": int((here & (bank == b)).sum()) for b in range(4)}
                sums.append((f"{name}{value}", [f"{name}{value}/{b}" for b in range(4)]))
            sums += [(f"bank{b}", [f"{name}{value}/{b}" for value in range(size)]) for b in range(4)]
            sums.append(("all", [f"{name}{value}" for value in range(size)]))
        nobody_learns_a_small_count(counts, sums)


def test_tiny_numbers_that_only_all_sums_together_would_tell() -> None:
    """Found by the test above: going from sum to sum does not see it, solving all at once does."""
    nobody_learns_a_small_count(*table([[0, 0, 0], [0, 0, 9], [0, 9, 9]]))
    nobody_learns_a_small_count(*table([[0, 0], [9, 0], [9, 19]]))


def test_a_table_of_small_counts_hides_itself() -> None:
    counts, sums = table([[1, 2], [3, 1]])
    assert set(hidden_counts(counts, sums).values()) == {FEW}
    assert hidden_counts({}, []) == {}
