"""The bytes in tests/vectors/ecard_*.toml, checked in both directions and with another implementation's signatures."""

import base64
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gmalg
import msgspec
import pytest

from yikatong.gm.sm2 import DEFAULT_SIGNER_ID, PrivateKey, PublicKey
from yikatong.wire.codes import SIGNED_AS, UnverifiedCode, issue_certificate, key_id_of, make_code, verify_code
from yikatong.wire.lists import open_deny_list, open_trust_list, sign_list
from yikatong.wire.requests import sign_request, verify_request
from yikatong.wire.taps import Tap, TapUpload

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
CODE: dict[str, Any] = tomllib.loads((VECTORS / "ecard_code.toml").read_text(encoding="utf-8"))
WIRE: dict[str, Any] = tomllib.loads((VECTORS / "ecard_wire.toml").read_text(encoding="utf-8"))


def key(vector: dict[str, Any], name: str) -> PrivateKey:
    return PrivateKey.from_scalar(bytes.fromhex(vector[f"{name}_scalar"]))


def oracle_signature(vector: dict[str, Any], name: str, message: bytes) -> bytes:
    """gmalg's signature with the vector's k."""
    k = int(vector[f"{name}_k"], 16)
    public = key(vector, name).public
    oracle = gmalg.SM2(bytes.fromhex(vector[f"{name}_scalar"]), DEFAULT_SIGNER_ID, public.point, rnd_fn=lambda bits: k)
    r, s = oracle.sign(message)
    return bytes(r.rjust(32, b"\0") + s.rjust(32, b"\0"))


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("vector", "name"), [(CODE, "issuer"), (CODE, "device"), (WIRE, "list"), (WIRE, "terminal")])
def test_points_belong_to_scalars(vector: dict[str, Any], name: str) -> None:
    assert key(vector, name).public.compressed.hex() == vector[f"{name}_point"]


def test_the_code_is_read_field_by_field() -> None:
    code = UnverifiedCode.parse(CODE["text"])
    certificate = code.certificate
    assert certificate.octets.hex() == CODE["certificate"]
    assert certificate.issuer_key_id.hex() == CODE["issuer_key_id"] == key_id_of(key(CODE, "issuer").public).hex()
    assert (certificate.serial.hex(), certificate.card_token.hex()) == (CODE["serial"], CODE["card_token"])
    assert (certificate.not_before_s, certificate.not_after_s) == (CODE["not_before_s"], CODE["not_after_s"])
    assert (certificate.device_key.hex(), certificate.flags) == (CODE["device_point"], CODE["flags"])
    assert (code.issued_at_s, code.nonce.hex()) == (CODE["issued_at_s"], CODE["nonce"])
    assert (certificate.octets + code.issued_at_s.to_bytes(4) + code.nonce + code.signature).hex() == CODE["code"]


def test_the_code_verifies_at_its_time() -> None:
    trust = open_trust_list(WIRE["trust_envelope"].encode(), key(WIRE, "list").public)
    verified = verify_code(UnverifiedCode.parse(CODE["text"]), trust, None, at=moment(CODE["issued_at_s"]))
    assert verified.card_token.hex() == CODE["card_token"]


def test_we_write_the_same_bytes_but_for_the_random_signatures() -> None:
    certificate = issue_certificate(
        key(CODE, "issuer"),
        serial=bytes.fromhex(CODE["serial"]),
        card_token=bytes.fromhex(CODE["card_token"]),
        device_key=PublicKey.from_point(bytes.fromhex(CODE["device_point"])),
        not_before=moment(CODE["not_before_s"]),
        not_after=moment(CODE["not_after_s"]),
        flags=CODE["flags"],
    )
    assert certificate[:63].hex() == CODE["certificate"][:126]
    printed = bytes.fromhex(CODE["certificate"])
    text = make_code(
        printed, key(CODE, "device"), issued_at=moment(CODE["issued_at_s"]), nonce=bytes.fromhex(CODE["nonce"])
    )
    assert text[:188] == CODE["text"][:188], "139 bytes before the signature make 185 characters and two bits more"


def test_the_oracle_makes_the_same_signatures() -> None:
    printed = bytes.fromhex(CODE["code"])
    assert oracle_signature(CODE, "issuer", printed[:63]) == printed[63:127]
    assert oracle_signature(CODE, "device", SIGNED_AS + printed[:139]) == printed[139:]


@pytest.mark.parametrize(("kind", "read"), [("deny", open_deny_list), ("trust", open_trust_list)])
def test_lists_are_read_and_written_as_printed(kind: str, read: Any) -> None:
    content = read(WIRE[f"{kind}_envelope"].encode(), key(WIRE, "list").public)
    payload = WIRE[f"{kind}_payload"].encode()
    assert msgspec.json.encode(content, order="deterministic") == payload
    ours, printed = (msgspec.json.decode(o) for o in (sign_list(content, key(WIRE, "list")), WIRE[f"{kind}_envelope"]))
    assert (ours["payload"], ours["key_id"]) == (printed["payload"], printed["key_id"])
    assert base64.urlsafe_b64decode(printed["signature"]) == oracle_signature(WIRE, "list", payload)


def test_a_tap_has_one_spelling_and_one_digest() -> None:
    tap = msgspec.json.decode(WIRE["tap"], type=Tap)
    assert msgspec.json.encode(tap, order="deterministic").decode() == WIRE["tap"]
    assert tap.digest().hex() == WIRE["tap_digest"]
    assert msgspec.json.encode(TapUpload([tap])).decode() == WIRE["upload"]
    assert tap.code == CODE["text"]


def test_a_request_is_signed_as_printed() -> None:
    printed, body = WIRE["request"], WIRE["upload"].encode()
    at = moment(int(printed["date"]))
    headers = {
        "Yikatong-Terminal": printed["terminal"],
        "Yikatong-Date": printed["date"],
        "Yikatong-Signature": printed["signature"],
    }
    public = key(WIRE, "terminal").public
    verify_request(public, headers, method=printed["method"], path=printed["path"], body=body, at=at)
    ours = sign_request(
        key(WIRE, "terminal"), printed["terminal"], method=printed["method"], path=printed["path"], body=body, at=at
    )
    assert ours.keys() == headers.keys()
    assert (ours["Yikatong-Terminal"], ours["Yikatong-Date"]) == (printed["terminal"], printed["date"])
    verify_request(public, ours, method=printed["method"], path=printed["path"], body=body, at=at)
