"""The drawn order: the same for everybody who recomputes it, and no bank first more often than another."""

from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.banks.rules import commitment_of, faults_in_publication, order_for
from yikatong.gm import sm3

BANKS = tuple(f"BANK{number:02d}" for number in range(1, 17))
SEED, PERSON = bytes(range(32)), bytes(range(16))


def person(number: int) -> bytes:
    return number.to_bytes(16)


def test_the_order_is_what_the_document_says() -> None:
    """Recomputed here from docs/algorithms/bank-order.md alone."""
    digests = {code: sm3.digest(b"YKT-BANK-ORDER-1" + SEED + PERSON + code.encode()) for code in BANKS}
    assert list(order_for(SEED, PERSON, BANKS)) == sorted(BANKS, key=digests.__getitem__)


def test_the_order_of_one_known_seed() -> None:
    """Digests by `openssl dgst -sm3`: 0170…, 1567…, 7ad6…, fc7e… in this order."""
    assert order_for(SEED, PERSON, ["ICBC", "ABC", "BOC", "CCB"]) == ("ICBC", "ABC", "CCB", "BOC")


@given(st.permutations(BANKS))
def test_it_does_not_matter_how_the_banks_are_given(codes: list[str]) -> None:
    assert order_for(SEED, PERSON, codes) == order_for(SEED, PERSON, BANKS)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
def test_every_bank_stands_in_it_once(seed: bytes, person_key: bytes) -> None:
    assert sorted(order_for(seed, person_key, BANKS)) == sorted(BANKS)


def test_a_bank_that_stays_away_does_not_change_the_order_of_the_others() -> None:
    without = tuple(code for code in order_for(SEED, PERSON, BANKS) if code != "BANK07")
    assert order_for(SEED, PERSON, [code for code in BANKS if code != "BANK07"]) == without


@pytest.mark.parametrize(
    ("seed", "person_key", "codes"),
    [
        (SEED[:31], PERSON, BANKS),
        (SEED, PERSON + b"x", BANKS),
        (SEED, PERSON, ("ICBC", "ICBC")),
        (SEED, PERSON, ("工行",)),
    ],
)
def test_nonsense_is_refused(seed: bytes, person_key: bytes, codes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"need a seed|occurs twice|ascii"):
        order_for(seed, person_key, codes)


def chi_square(counts: Counter[Any], cells: list[Any], draws: int) -> float:
    """Distance from an even spread; its expectation is the number of cells less one."""
    expected = draws / len(cells)
    return sum((counts[cell] - expected) ** 2 / expected for cell in cells)


def test_every_bank_is_at_every_place_equally_often() -> None:
    """4,000 fixed people, 16 banks. 15 degrees of freedom: 44 is passed by chance once in ten thousand.

    Seeds are fixed, so this either always passes or never does.
    """
    draws = 4_000
    at_place: list[Counter[str]] = [Counter() for _ in BANKS]
    for number in range(draws):
        for place, code in enumerate(order_for(SEED, person(number), BANKS)):
            at_place[place][code] += 1
    assert max(chi_square(counts, list(BANKS), draws) for counts in at_place) < 44


def test_every_order_of_four_banks_is_equally_likely() -> None:
    """24 orders, 23 degrees of freedom: 56 is passed by chance once in ten thousand."""
    draws, four = 12_000, BANKS[:4]
    counts = Counter(order_for(SEED, person(number), four) for number in range(draws))
    assert chi_square(counts, list(permutations(four)), draws) < 56


def test_another_day_gives_another_order_to_the_same_person() -> None:
    """First place over 4,000 seeds for one person is as even as over people."""
    draws = 4_000
    firsts = Counter(order_for(sm3.digest(number.to_bytes(4)), PERSON, BANKS)[0] for number in range(draws))
    assert chi_square(firsts, list(BANKS), draws) < 44


def publication() -> dict[str, Any]:
    return {
        "rule": "YKT-BANK-ORDER-1",
        "day": "2026-11-23",
        "commitment": commitment_of(SEED),
        "seed": SEED.hex(),
        "banks": list(BANKS),
        "draws": [
            {"person_key": person(number).hex(), "order": list(order_for(SEED, person(number), BANKS))}
            for number in range(3)
        ],
    }


def test_an_honest_record_has_no_fault() -> None:
    assert faults_in_publication(publication()) == []


def swapped(record: dict[str, Any]) -> None:
    order = record["draws"][1]["order"]
    order[0], order[1] = order[1], order[0]


def dropped(record: dict[str, Any]) -> None:
    record["draws"][1]["order"].pop()


def doubled(record: dict[str, Any]) -> None:
    record["draws"].append(record["draws"][0])


def other_seed(record: dict[str, Any]) -> None:
    record["seed"] = bytes(32).hex()
    record["draws"] = []


def other_rule(record: dict[str, Any]) -> None:
    record["rule"] = "ALPHABETICAL"


def without_banks(record: dict[str, Any]) -> None:
    del record["banks"]


def seed_in_no_hex(record: dict[str, Any]) -> None:
    record["seed"] = "随机"


@pytest.mark.parametrize(
    ("forge", "fault"),
    [
        (swapped, "银行次序与种子不符"),
        (dropped, "银行次序与种子不符"),
        (doubled, "出现不止一次"),
        (other_seed, "与事先公布的摘要不符"),
        (other_rule, "ALPHABETICAL"),
        (without_banks, "格式不对"),
        (seed_in_no_hex, "格式不对"),
    ],
)
def test_a_forged_record_is_found_out(forge: Any, fault: str) -> None:
    record = publication()
    forge(record)
    faults = faults_in_publication(record)
    assert len(faults) == 1
    assert fault in faults[0]
