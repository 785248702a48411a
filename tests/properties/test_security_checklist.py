"""The checklist in docs/security.md has one line for every requirement, and the tests it names exist."""

import csv
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LINE = re.compile(r"^\| V([\d.]+) \| (\w+) \| (.+) \|$", re.MULTILINE)
KINDS = {"test", "design", "operator", "none", "open"}


def lines() -> list[tuple[str, str, str]]:
    return LINE.findall((ROOT / "docs" / "security.md").read_text(encoding="utf-8"))


def test_every_requirement_of_levels_1_and_2_has_one_line() -> None:
    text = (ROOT / "tests" / "vectors" / "asvs_5_0_0_levels.csv").read_text(encoding="utf-8")
    wanted = [row["requirement"] for row in csv.DictReader(text.splitlines()[1:])]
    assert len(wanted) == 253
    assert Counter(number for number, _, _ in lines()) == Counter(wanted)


def test_every_line_says_how_in_a_known_word() -> None:
    assert {kind for _, kind, _ in lines()} <= KINDS


def test_every_test_that_is_named_exists() -> None:
    for number, kind, words in lines():
        named = re.findall(r"tests/[\w/]+\.py", words)
        assert named or kind != "test", f"V{number} names no test"
        assert all((ROOT / name).is_file() for name in named), f"V{number}: {named}"
