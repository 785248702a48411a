"""SM2 signatures against GM/T 0003, gmalg and the openssl command, in both directions."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gmalg
import pytest
from asn1crypto.keys import ECPrivateKey
from hypothesis import given
from hypothesis import strategies as st

from yikatong.gm import sm2
from yikatong.gm.libcrypto import LibcryptoError
from yikatong.gm.sm2 import ORDER, KeyInvalid, PrivateKey, PublicKey, der_to_raw, generate_pair, raw_to_der

KEY = PrivateKey.from_scalar(bytes(31) + b"\7")
MESSAGE = "国贸站 exit".encode()
OTHER_ID = b"ALICE123@YAHOO.COM"


def test_the_standards_signature_verifies(sm2_signature: dict[str, Any]) -> None:
    key = PrivateKey.from_scalar(sm2_signature["scalar"])
    message, signer_id = sm2_signature["message"], sm2_signature["signer_id"]
    assert key.public.point == sm2_signature["point"]
    assert key.public.signed_digest(message, signer_id) == sm2_signature["e"]
    assert PublicKey.from_point(sm2_signature["point"]).verify(message, sm2_signature["signature"], signer_id=signer_id)
    assert key.public.verify(message, key.sign(message))


@pytest.mark.parametrize("signer_id", [sm2.DEFAULT_SIGNER_ID, OTHER_ID, b"1"])
def test_gmalg_and_we_accept_each_other(signer_id: bytes) -> None:
    oracle = gmalg.SM2(KEY.scalar, signer_id, KEY.public.point)
    ours = KEY.sign(MESSAGE, signer_id=signer_id)
    assert oracle.verify(MESSAGE, ours[:32], ours[32:])
    theirs = b"".join(part.rjust(32, b"\0") for part in oracle.sign(MESSAGE))
    assert KEY.public.verify(MESSAGE, theirs, signer_id=signer_id)
    assert not KEY.public.verify(MESSAGE, theirs, signer_id=signer_id + b"x")


@pytest.mark.parametrize("signer_id", [sm2.DEFAULT_SIGNER_ID, OTHER_ID])
def test_openssl_and_we_accept_each_other(openssl: Callable[..., bytes], tmp_path: Path, signer_id: bytes) -> None:
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", "key.pem")
    openssl("pkey", "-in", "key.pem", "-pubout", "-out", "public.pem")
    made = ECPrivateKey.load(openssl("pkey", "-in", "key.pem", "-outform", "DER"))
    key = PrivateKey.from_scalar(made["private_key"].native.to_bytes(32))
    assert key.public.point == made["public_key"].native
    with_id = ("-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{signer_id.decode()}", "-in", "message")
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "ours").write_bytes(key.sign_der(MESSAGE, signer_id=signer_id))
    verify = ("pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-sigfile", "ours", *with_id)
    assert b"Verified Successfully" in openssl(*verify)
    theirs = openssl("pkeyutl", "-sign", "-inkey", "key.pem", *with_id)
    assert key.public.verify_der(MESSAGE, theirs, signer_id=signer_id)
    assert key.public.verify(MESSAGE, der_to_raw(theirs), signer_id=signer_id)


@given(st.integers(1, ORDER - 2), st.binary(max_size=300), st.binary(max_size=40))
def test_what_a_key_signs_its_public_half_verifies(number: int, message: bytes, signer_id: bytes) -> None:
    key = PrivateKey.from_scalar(number.to_bytes(32))
    again = PublicKey.from_point(key.public.compressed)
    assert again == key.public
    assert again.verify(message, key.sign(message, signer_id=signer_id), signer_id=signer_id)
    assert again.verify_der(message, key.sign_der(message, signer_id=signer_id), signer_id=signer_id)


SIGNATURE = KEY.sign(MESSAGE)


@given(st.integers(0, 64 * 8 - 1))
def test_a_signature_with_one_bit_flipped_is_refused(bit: int) -> None:
    flipped = (int.from_bytes(SIGNATURE) ^ 1 << bit).to_bytes(64)
    assert not KEY.public.verify(MESSAGE, flipped)
    assert not KEY.public.verify_der(MESSAGE, raw_to_der(flipped))


@given(st.integers(0, len(MESSAGE) * 8 - 1))
def test_a_message_with_one_bit_flipped_is_refused(bit: int) -> None:
    flipped = (int.from_bytes(MESSAGE) ^ 1 << bit).to_bytes(len(MESSAGE))
    assert not KEY.public.verify(flipped, SIGNATURE)


@given(st.binary(max_size=80))
def test_noise_is_no_signature_and_never_raises(noise: bytes) -> None:
    assert not KEY.public.verify(MESSAGE, noise)
    assert not KEY.public.verify_der(MESSAGE, noise)


@pytest.mark.parametrize(
    "signature",
    [
        bytes(64),
        bytes(32) + SIGNATURE[32:],
        SIGNATURE[:32] + bytes(32),
        ORDER.to_bytes(32) + SIGNATURE[32:],
        SIGNATURE[:32] + ORDER.to_bytes(32),
        b"\xff" * 64,
        SIGNATURE + b"\0",
        SIGNATURE[:-1],
    ],
    ids=["zeros", "r = 0", "s = 0", "r = n", "s = n", "all ones", "too long", "too short"],
)
def test_numbers_out_of_range_are_no_signature(signature: bytes) -> None:
    assert not KEY.public.verify(MESSAGE, signature)


def test_views_of_memory_are_taken_as_bytes() -> None:
    """PostgreSQL's driver hands columns over like this."""
    public = PublicKey.from_point(memoryview(KEY.public.compressed))  # type: ignore[arg-type]
    assert public.verify(memoryview(MESSAGE), memoryview(SIGNATURE))  # type: ignore[arg-type]
    assert PrivateKey.from_scalar(memoryview(KEY.scalar)).public == public  # type: ignore[arg-type]


@given(st.binary(min_size=64, max_size=64))
def test_der_and_raw_are_two_forms_of_one_signature(raw: bytes) -> None:
    der = raw_to_der(raw)
    assert der_to_raw(der) == raw
    assert len(der) <= 72


def mended(body: bytes) -> bytes:
    return bytes([0x30, len(body)]) + body


ONE = b"\2\1\1"


@pytest.mark.parametrize(
    "der",
    [
        b"",
        mended(ONE),
        mended(ONE + b"\2\0"),
        mended(ONE + b"\2\1\x81"),
        mended(ONE + b"\2\2\0\1"),
        mended(ONE + b"\2\x21\1" + bytes(32)),
        mended(ONE + b"\3\1\1"),
        mended(ONE + b"\2\5\1"),
        mended(ONE + ONE + ONE),
        mended(ONE + ONE) + b"\0",
        b"\x31" + mended(ONE + ONE)[1:],
        b"\x30\x81\6" + ONE + ONE,
    ],
    ids=[
        "nothing",
        "one number",
        "empty number",
        "negative",
        "padded",
        "33 bytes",
        "not an integer",
        "cut short",
        "three numbers",
        "something after",
        "a set",
        "length in long form",
    ],
)
def test_only_strict_der_is_taken(der: bytes) -> None:
    """A second encoding of the same signature would let a signed document have two fingerprints."""
    with pytest.raises(ValueError, match=r"DER|after"):
        der_to_raw(der)
    assert not KEY.public.verify_der(MESSAGE, der)


def test_small_numbers_survive_der() -> None:
    assert der_to_raw(mended(ONE + ONE)) == (bytes(31) + b"\1") * 2


def test_raw_signatures_have_64_bytes() -> None:
    with pytest.raises(ValueError, match="64 bytes, not 63"):
        raw_to_der(bytes(63))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0",
        KEY.public.point[1:],
        b"\4" + KEY.public.point[1:-1] + b"\0",
        b"\4" + bytes(64),
        b"\6" + KEY.public.point[1:],
        b"\5" + KEY.public.compressed[1:],
        b"\2" + b"\xff" * 32,
        KEY.public.compressed + b"\0",
    ],
    ids=["empty", "infinity", "no form", "off the curve", "zeros", "hybrid", "form 05", "beyond p", "too long"],
)
def test_bad_public_keys_are_refused(octets: bytes) -> None:
    with pytest.raises(KeyInvalid):
        PublicKey.from_point(octets)


@pytest.mark.parametrize(
    "scalar", [bytes(32), (ORDER - 1).to_bytes(32), ORDER.to_bytes(32), b"\xff" * 32, b"\1" * 31, b"\1" * 33]
)
def test_bad_private_keys_are_refused_without_showing_them(scalar: bytes) -> None:
    with pytest.raises(KeyInvalid, match="between 1 and n-2") as caught:
        PrivateKey.from_scalar(scalar)
    assert scalar.hex() not in str(caught.value)


def test_a_printed_key_does_not_show_its_scalar() -> None:
    key = PrivateKey.generate()
    assert key.scalar.hex() not in repr(key) + str(key) + repr(key.public)
    assert key.public.compressed.hex() in repr(key)


def test_keys_are_equal_by_their_point() -> None:
    other = PrivateKey.generate().public
    assert {KEY.public, PublicKey.from_point(KEY.public.point)} == {KEY.public}
    assert KEY.public != other
    assert KEY.public != KEY.public.point


def test_an_endless_signer_id_is_refused() -> None:
    assert KEY.public.verify(MESSAGE, KEY.sign(MESSAGE, signer_id=bytes(8191)), signer_id=bytes(8191))
    with pytest.raises(ValueError, match="8191 bytes, not 8192"):
        KEY.sign(MESSAGE, signer_id=bytes(8192))


def test_threads_share_a_key() -> None:
    key, failures = PrivateKey.generate(), []

    def work(name: int) -> None:
        for number in range(50):
            message = f"{name} {number}".encode()
            signature = key.sign(message)
            if not key.public.verify(message, signature) or key.public.verify(b"other", signature):
                failures.append(message)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert 1 <= len(key._signers) <= 4, "prepared contexts are reused, one for each thread at most"


class RefusingLibcrypto:
    """libcrypto as it is when one of its functions fails, for want of memory say."""

    def __init__(self, library: Any, function: str) -> None:
        self._library, self._function = library, function

    def __getattr__(self, name: str) -> Any:
        return (lambda *_: 0) if name == self._function else getattr(self._library, name)


@pytest.mark.parametrize(
    ("function", "attempt"),
    [
        ("EVP_PKEY_sign", lambda: KEY.sign(MESSAGE)),
        ("EVP_PKEY_sign_init", lambda: PrivateKey.from_scalar(KEY.scalar).sign(MESSAGE)),
        ("EVP_PKEY_verify_init", lambda: PublicKey.from_point(KEY.public.point).verify(MESSAGE, SIGNATURE)),
        ("EVP_PKEY_fromdata_init", PrivateKey.generate),
        ("EVP_PKEY_fromdata", PrivateKey.generate),
        ("EC_POINT_mul", PrivateKey.generate),
        ("EC_POINT_point2oct", PrivateKey.generate),
    ],
)
def test_a_failing_library_is_told_apart_from_a_bad_signature(
    monkeypatch: pytest.MonkeyPatch, function: str, attempt: Callable[[], object]
) -> None:
    monkeypatch.setattr(sm2, "lib", RefusingLibcrypto(sm2.lib, function))
    with pytest.raises(LibcryptoError, match="failed in libcrypto"):
        attempt()


def test_a_generated_pair_is_a_key_and_its_point() -> None:
    pairs = [generate_pair() for _ in range(20)]
    assert all(PrivateKey.from_scalar(scalar).public.point == point for scalar, point in pairs)
    assert len({scalar for scalar, _ in pairs}) == 20
