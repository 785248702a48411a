"""Codes: what a terminal believes, and every way in which one can be wrong."""

import base64
import io
from datetime import datetime, timedelta

import hypothesis.strategies as st
import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from PIL import Image

from tests.wire.makers import (
    DAY,
    DEVICE,
    ISSUER,
    NONCE,
    NOW,
    OTHER_DEVICE,
    SERIAL,
    STRANGER,
    TOKEN,
    make_certificate,
    make_deny,
    make_text,
    make_trust,
    seconds,
    verdict,
)
from yikatong.gm.sm2 import PrivateKey
from yikatong.wire.codes import (
    CERTIFICATE_LENGTH,
    CODE_LENGTH,
    PREFIX,
    TEXT_LENGTH,
    CodeRefusal,
    CodeRefused,
    DeviceCertificate,
    UnverifiedCode,
    issue_certificate,
    key_id_of,
    make_code,
    verify_code,
)
from yikatong.wire.lists import IssuerKey, TrustList
from yikatong.wire.taps import CODE_LENGTH_MAX

TOKEN_KEY, DEVICE_KEY = f"token:{TOKEN.hex()}", f"device:{SERIAL.hex()}"


def octets_of(text: str) -> bytes:
    body = text.removeprefix(PREFIX)
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


def text_of(octets: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def test_a_genuine_code_names_its_card_and_device() -> None:
    code = verify_code(UnverifiedCode.parse(make_text()), make_trust(), make_deny(), at=NOW)
    assert (code.card_token, code.device_serial, code.nonce) == (TOKEN, SERIAL, NONCE)
    assert code.issued_at_s == int(NOW.timestamp())


def test_a_code_fits_its_bounds_and_a_small_symbol() -> None:
    text = make_text()
    assert len(octets_of(text)) == CODE_LENGTH == 203
    assert len(text.encode("ascii")) == TEXT_LENGTH == 274
    assert TEXT_LENGTH <= CODE_LENGTH_MAX == 300
    symbol = segno.make(text, error="m", micro=False)
    assert int(symbol.version) <= 13
    picture = io.BytesIO()
    symbol.save(picture, kind="png", scale=4)
    (read,) = zxingcpp.read_barcodes(Image.open(picture))
    assert read.text == text


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (seconds(0), "ok"),
        (seconds(60), "ok"),
        (seconds(60.001), "code_expired"),
        (timedelta(hours=1), "code_expired"),
        (seconds(-5), "ok"),  # the phone's clock may run a little ahead
        (seconds(-5.001), "code_from_future"),
        (timedelta(days=-1), "code_from_future"),
    ],
)
def test_a_code_lives_sixty_seconds(age: timedelta, expected: str) -> None:
    assert verdict(make_text(), at=NOW + age, trust=make_trust()) == expected


@pytest.mark.parametrize(
    ("not_before", "not_after", "expected"),
    [
        (NOW, NOW, "ok"),
        (NOW + seconds(5), NOW + DAY, "ok"),
        (NOW + seconds(6), NOW + DAY, "certificate_not_yet_valid"),
        (NOW - DAY, NOW - seconds(1), "certificate_expired"),
        (NOW + DAY, NOW - DAY, "certificate_not_yet_valid"),  # a certificate that never was valid
    ],
)
def test_a_certificate_lives_some_days(not_before: datetime, not_after: datetime, expected: str) -> None:
    certificate = make_certificate(not_before=not_before, not_after=not_after)
    assert verdict(make_text(certificate)) == expected


def signed_by(issuer: PrivateKey) -> str:
    return make_text(make_certificate(issuer))


def naming_our_issuer_but_signed_by_a_stranger() -> str:
    body = make_certificate(ISSUER)[:-64]
    return make_text(body + STRANGER.sign(body))


def certificate_of_one_device_code_of_another() -> str:
    return make_text(make_certificate(device=DEVICE), device=OTHER_DEVICE)


def device_key_off_the_curve() -> str:
    body = make_certificate()[:-64]
    bad = body[:21] + b"\x02" + b"\xff" * 32 + body[54:]
    return make_text(bad + ISSUER.sign(bad))


def signature_without_the_code_label() -> str:
    body = octets_of(make_text())[:-64]
    return text_of(body + DEVICE.sign(body))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (signed_by(ISSUER), "ok"),
        (signed_by(STRANGER), "issuer_unknown"),
        (naming_our_issuer_but_signed_by_a_stranger(), "certificate_signature_wrong"),
        (certificate_of_one_device_code_of_another(), "code_signature_wrong"),
        (signature_without_the_code_label(), "code_signature_wrong"),
        (device_key_off_the_curve(), "code_malformed"),
    ],
)
def test_only_our_issuer_and_the_certified_device_are_believed(text: str, expected: str) -> None:
    assert verdict(text) == expected


@pytest.mark.parametrize(
    ("at", "expected"), [(NOW, "ok"), (NOW + DAY, "issuer_unknown"), (NOW - DAY, "issuer_unknown")]
)
def test_an_issuer_is_believed_only_in_its_time(at: datetime, expected: str) -> None:
    around = int(NOW.timestamp())
    entry = IssuerKey(ISSUER.public.compressed.hex(), around - 60, around + 60)
    trust = TrustList(1, around, around + 9, {key_id_of(ISSUER.public).hex(): entry})
    assert verdict(make_text(issued_at=at), trust=trust, at=at) == expected


@pytest.mark.parametrize("point", ["", "zz", "02" + "ff" * 32, "04" + "00" * 64])
def test_an_issuer_entry_that_is_no_key_trusts_nobody(point: str) -> None:
    until = int(NOW.timestamp()) + 60
    trust = TrustList(1, 0, until, {key_id_of(ISSUER.public).hex(): IssuerKey(point, 0, until)})
    assert verdict(make_text(), trust=trust) == "issuer_unknown"


@pytest.mark.parametrize(
    ("entries", "age", "expected", "deny_reason"),
    [
        ({TOKEN_KEY: "card_superseded"}, seconds(1), CodeRefusal.CARD_DENIED, "card_superseded"),
        ({DEVICE_KEY: "device_revoked"}, seconds(1), CodeRefusal.DEVICE_REVOKED, "device_revoked"),
        ({TOKEN_KEY: "card_cancelled", DEVICE_KEY: "device_revoked"}, seconds(1), CodeRefusal.CARD_DENIED, "card_cancelled"),
        ({TOKEN_KEY: "card_reported_lost"}, seconds(600), CodeRefusal.CARD_DENIED, "card_reported_lost"),
        ({DEVICE_KEY: "device_revoked"}, 30 * DAY, CodeRefusal.DEVICE_REVOKED, "device_revoked"),
    ],
)  # fmt: skip
def test_a_denied_card_hears_why_before_anything_about_time(
    entries: dict[str, str], age: timedelta, expected: CodeRefusal, deny_reason: str
) -> None:
    code = UnverifiedCode.parse(make_text())
    with pytest.raises(CodeRefused) as caught:
        verify_code(code, make_trust(), make_deny(entries), at=NOW + age)
    assert (caught.value.reason, caught.value.deny_reason) == (expected, deny_reason)


def test_denials_of_others_change_nothing() -> None:
    entries = {"token:" + "00" * 8: "card_cancelled", f"number:{TOKEN.hex()}": "card_cancelled", TOKEN_KEY.upper(): "x"}
    assert verdict(make_text(), deny=make_deny(entries)) == "ok"


def test_a_forged_code_is_called_forged_even_when_it_names_a_denied_card() -> None:
    """Otherwise anyone could find out by forging codes which cards are denied."""
    forged = certificate_of_one_device_code_of_another()
    assert verdict(forged, deny=make_deny({TOKEN_KEY: "card_reported_lost"})) == "code_signature_wrong"


def test_truncated_at_any_length_it_is_malformed() -> None:
    text = make_text()
    assert {verdict(text[:length]) for length in range(len(text))} == {"code_malformed"}
    octets = octets_of(text)
    assert {verdict(text_of(octets[:length])) for length in range(CODE_LENGTH)} == {"code_malformed"}


@pytest.mark.parametrize("tail", ["A", "AA", "=", "==", "\n" + make_text(), ".", "A" * 10_000])
def test_lengthened_it_is_malformed(tail: str) -> None:
    assert verdict(make_text() + tail) == "code_malformed"


def test_no_single_flipped_bit_verifies() -> None:
    octets = octets_of(make_text())
    verdicts = {
        (position, bit): verdict(
            text_of(octets[:position] + bytes([octets[position] ^ 1 << bit]) + octets[position + 1 :])
        )
        for position in range(CODE_LENGTH)
        for bit in range(8)
    }
    assert len(verdicts) == 1624
    assert "ok" not in verdicts.values()
    # each kind of field fails in its own way, so that nothing is refused by accident
    assert {verdicts[0, bit] for bit in range(8)} == {"code_malformed"}, "version"
    assert {verdicts[at, bit] for at in range(1, 5) for bit in range(8)} == {"issuer_unknown"}, "issuer key id"
    certificate = {verdicts[at, bit] for at in range(5, CERTIFICATE_LENGTH) for bit in range(8)}
    assert certificate == {"certificate_signature_wrong"}
    assert {verdicts[at, bit] for at in range(CERTIFICATE_LENGTH, CODE_LENGTH) for bit in range(8)} == {
        "code_signature_wrong"
    }


def test_no_single_changed_character_verifies() -> None:
    """Base64 leaves bits unused at the end; a used code must not pass as a fresh one by writing them differently."""
    text = make_text()
    for position in range(len(text)):
        for other in "A_-b9.=+/ é0":
            if text[position] != other:
                changed = text[:position] + other + text[position + 1 :]
                assert verdict(changed) != "ok", (position, other)


@pytest.mark.parametrize(
    "text",
    ["", " ", PREFIX, "Y2." + make_text()[3:], make_text()[3:], "y1." + make_text()[3:], "http://example.org/", "二维码" * 100,
     PREFIX + "é" * 271, PREFIX + "\ud800" * 271, PREFIX + "A" * 271, PREFIX + "+/" * 135 + "A", "\0" * 274],
)  # fmt: skip
def test_what_is_no_code_is_malformed(text: str) -> None:
    assert verdict(text) == "code_malformed"


@pytest.mark.parametrize("around", [" {} ", "{}\n", "\t{}\r\n"])
def test_white_space_around_a_code_is_no_fault(around: str) -> None:
    assert verdict(around.format(make_text())) == "ok"


def test_random_bytes_never_verify() -> None:
    @given(st.binary(min_size=CODE_LENGTH, max_size=CODE_LENGTH))
    @settings(max_examples=200, deadline=None)
    def never(octets: bytes) -> None:
        assert verdict(text_of(octets)) != "ok"

    never()


POINTS = st.sampled_from([DEVICE, OTHER_DEVICE, STRANGER])
MOMENTS = st.integers(0, 2**32 - 61).map(lambda s: datetime.fromtimestamp(s, NOW.tzinfo))
EIGHT = st.binary(min_size=8, max_size=8)


@given(device=POINTS, serial=EIGHT, token=EIGHT, nonce=EIGHT, issued_at=MOMENTS, flags=st.integers(0, 255))
@settings(max_examples=100, deadline=None)
def test_what_is_made_is_read_back(
    device: PrivateKey, serial: bytes, token: bytes, nonce: bytes, issued_at: datetime, flags: int
) -> None:
    certificate = issue_certificate(
        ISSUER,
        serial=serial,
        card_token=token,
        device_key=device.public,
        not_before=issued_at,
        not_after=issued_at + seconds(60),
        flags=flags,
    )
    code = UnverifiedCode.parse(make_code(certificate, device, issued_at=issued_at, nonce=nonce))
    read = code.certificate
    assert (read.issuer_key_id, read.serial, read.card_token) == (key_id_of(ISSUER.public), serial, token)
    assert (read.device_key, read.flags, read.octets) == (device.public.compressed, flags, certificate)
    assert (read.not_before_s, read.not_after_s) == (int(issued_at.timestamp()), int(issued_at.timestamp()) + 60)
    assert (code.issued_at_s, code.nonce) == (int(issued_at.timestamp()), nonce)
    assert DeviceCertificate.parse(certificate) == read
    until = 2**33
    trust = TrustList(
        1, 0, until, {key_id_of(ISSUER.public).hex(): IssuerKey(ISSUER.public.compressed.hex(), 0, until)}
    )
    assert verify_code(code, trust, None, at=issued_at).nonce == nonce


@pytest.mark.parametrize(
    ("field", "value"), [("serial", b"1234567"), ("token", b"123456789"), ("nonce", b""), ("certificate", b"\1" * 126)]
)
def test_wrong_lengths_are_a_programming_mistake(field: str, value: bytes) -> None:
    make = make_certificate if field in ("serial", "token") else make_text
    with pytest.raises(ValueError, match="8"):
        make(**{field: value})  # type: ignore[arg-type]
