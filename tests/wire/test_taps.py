"""Taps: one spelling, one digest, and bounds that keep out what could not be stored."""

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from tests.wire.makers import make_text
from yikatong.wire.taps import Authorise, Tap, TapUpload

GOOD = {
    "terminal_id": "900100000001",
    "sequence": 1,
    "kind": "entry",
    "at_ms": 1_795_420_800_000,
    "decision": "accepted",
    "station": "国贸",
    "code": make_text(),
}
TAPS = st.builds(
    Tap,
    terminal_id=st.from_regex(r"\A[0-9]{12}\Z"),
    sequence=st.integers(1, 2**63 - 1),
    kind=st.sampled_from(["entry", "exit", "identify"]),
    at_ms=st.integers(0, 253_402_300_799_999),
    decision=st.sampled_from(["accepted", "refused"]),
    reason=st.from_regex(r"\A[a-z_]{0,40}\Z"),
    station=st.text(st.characters(categories=["L", "N"]), max_size=40),
    card_number=st.none() | st.from_regex(r"\A[A-Z][0-9]{7}[0-9X]\Z"),
    deny_list_version=st.integers(0, 2**40),
)


@given(TAPS)
def test_taps_come_back_as_sent_with_the_same_digest(tap: Tap) -> None:
    back = msgspec.json.decode(msgspec.json.encode(TapUpload([tap])), type=TapUpload).taps[0]
    assert (back, back.digest()) == (tap, tap.digest())


@given(TAPS, TAPS)
def test_other_taps_have_other_digests(one: Tap, other: Tap) -> None:
    assert (one == other) == (one.digest() == other.digest())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("terminal_id", "90010000001"),
        ("terminal_id", "9001000000012"),
        ("terminal_id", "900100000001\n"),
        ("terminal_id", "９００１００００００００"),
        ("sequence", 0),
        ("sequence", -1),
        ("sequence", 2**63),
        ("sequence", "1"),
        ("sequence", 1.5),
        ("kind", "leave"),
        ("decision", "maybe"),
        ("at_ms", -1),
        ("at_ms", 10**18),
        ("reason", "Card Lost"),
        ("reason", "x" * 41),
        ("station", "国" * 41),
        ("station", "国\x00贸"),
        ("station", "国贸\n"),
        ("code", "A" * 301),
        ("code", "\x00"),
        ("card_number", "D2143569X' or 1=1"),
        ("identification_code", "110000"),
        ("deny_list_version", -1),
        ("surprise", "yes"),
    ],
)
def test_what_could_not_be_stored_is_malformed(field: str, value: object) -> None:
    msgspec.convert(GOOD, Tap)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(GOOD | {field: value}), type=Tap)


def test_a_question_names_the_card_in_one_of_three_ways() -> None:
    asked = {"purpose": "social", "at_ms": 1}
    for name, value in [("code", make_text()), ("card_number", "D2143569X"), ("identification_code", "1f" * 16)]:
        assert getattr(msgspec.convert(asked | {name: value}, Authorise), name) == value
