"""The specifications' own examples (tests/vectors/credentials.toml) and the ``sd-jwt`` library's work, read by our verifier."""

import json
import time
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer

from yikatong.credentials import sd_jwt, status_list
from yikatong.credentials.jose import JoseInvalid, Unverified, key_of, verify
from yikatong.credentials.presentation import Asked, Refusal, judge
from yikatong.credentials.sd_jwt import SdJwt, processed
from yikatong.foundation.errors import Refused

VECTORS = tomllib.loads((Path(__file__).parent.parent / "vectors" / "credentials.toml").read_text(encoding="utf-8"))
EXAMPLE = VECTORS["sd_jwt"]
PRESENTATION = "".join(EXAMPLE["presentation"].split())


def test_the_example_presentation_is_read_as_the_specification_says() -> None:
    example = SdJwt.parse(PRESENTATION)
    verify(example.token, key_of(EXAMPLE["issuer_key"]))
    claims, shown = processed(example)
    assert claims == EXAMPLE["processed"]
    assert shown == {"family_name", "given_name", "address"}
    assert example.check_binding(key_of(claims["cnf"]["jwk"])) == EXAMPLE["key_binding"]


@pytest.mark.parametrize("position", range(6))
def test_a_part_of_the_example_that_is_changed_is_noticed(position: int) -> None:
    parts = PRESENTATION.split("~")
    middle = len(parts[position]) // 2
    other = "A" if parts[position][middle] != "A" else "B"
    parts[position] = parts[position][:middle] + other + parts[position][middle + 1 :]
    with pytest.raises(JoseInvalid):
        changed = SdJwt.parse("~".join(parts))
        verify(changed.token, key_of(EXAMPLE["issuer_key"]))
        changed.check_binding(key_of(processed(changed)[0]["cnf"]["jwk"]))


@pytest.mark.parametrize("case", VECTORS["disclosure"], ids=lambda case: case["source"])
def test_digests(case: dict[str, str]) -> None:
    assert sd_jwt.digest(case["text"]) == case["digest"]


def test_recursive_disclosures_are_put_in_their_places() -> None:
    _, street, address = (case["text"] for case in VECTORS["disclosure"])
    token = Unverified({}, {"_sd": [sd_jwt.digest(address)], "_sd_alg": "sha-256", "sub": "x"}, "")
    assert processed(SdJwt(token, (street, address), None))[0] == {
        "sub": "x",
        "address": {"street_address": "Schulstr. 12"},
    }
    with pytest.raises(JoseInvalid, match="belongs to nothing"):
        processed(SdJwt(token, (street,), None))


@pytest.mark.parametrize(
    "payload",
    [
        {"_sd": "x"},
        {"_sd": [1]},
        {"_sd_alg": "md5", "_sd": []},
        {"_sd": [VECTORS["disclosure"][1]["digest"]] * 2},
        {"_sd": [VECTORS["disclosure"][1]["digest"]], "inner": {"_sd": [VECTORS["disclosure"][1]["digest"]]}},
        {"_sd": [VECTORS["disclosure"][1]["digest"]], "street_address": "there already"},
        {"list": [{"...": VECTORS["disclosure"][1]["digest"]}]},
    ],
    ids=["no array", "no strings", "other hash", "twice", "twice at depth", "name taken", "claim in an array"],
)
def test_what_section_7_1_rejects(payload: dict[str, Any]) -> None:
    with pytest.raises(JoseInvalid):
        processed(SdJwt(Unverified({}, payload, ""), (VECTORS["disclosure"][1]["text"],), None))


@pytest.mark.parametrize(
    "content", [["salt", "_sd", 1], ["salt", "...", 1], ["salt"], {"a": 1}, [1, "name", 1], ["s", 1, 1]]
)
def test_disclosures_that_are_none(content: object) -> None:
    text = sd_jwt.base64url(json.dumps(content).encode())
    with pytest.raises(JoseInvalid):
        processed(SdJwt(Unverified({}, {"_sd": [sd_jwt.digest(text)]}, ""), (text,), None))


@pytest.mark.parametrize("case", VECTORS["status_list"], ids=lambda case: case["source"])
def test_status_lists(case: dict[str, Any]) -> None:
    array, bits = status_list.decoded({"bits": case["bits"], "lst": case["lst"]})
    found = [(index, status_list.status_at(array, index, bits)) for index in range(len(array) * 8 // bits)]
    assert [list(pair) for pair in found if pair[1]] == case["set"]
    if "octets" in case:
        assert array.hex() == case["octets"]
        assert status_list.encoded(array, bits) == {"bits": bits, "lst": case["lst"]}


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"bits": 3, "lst": "eNrbuRgAAhcBXQ"},
        {"bits": 1, "lst": "eNrbuRgAAhcB"},
        {"bits": 1, "lst": "AAAA"},
        {"bits": 1, "lst": "="},
        status_list.encoded(bytes(2**24 + 1)),
    ],
    ids=["nothing", "three bits", "cut off", "no zlib", "no base64", "a bomb"],
)
def test_what_is_no_status_list(value: object) -> None:
    with pytest.raises(JoseInvalid):
        status_list.decoded(value)


class TheirIssuer:
    """Trusts the library's issuer; everything is valid there."""

    def __init__(self, key: JWK) -> None:
        self._key = key_of(key.export_public(as_dict=True))

    def key(self, issuer: str, key_id: str) -> ECKey | None:
        """See ``presentation.Issuers``."""
        return self._key if (issuer, key_id) == ("https://issuer.example", "their-key") else None

    def status(self, uri: str, index: int) -> int | None:
        """See ``presentation.Issuers``."""
        return 0


def by_the_library(**visible: Any) -> tuple[str, TheirIssuer, Asked]:
    """A presentation of nested claims made by the ``sd-jwt`` library for a question."""
    issuer_key, holder_key = (JWK.generate(kty="EC", crv="P-256") for _ in range(2))
    now_s = int(time.time())
    claims: dict[Any, Any] = {
        "iss": "https://issuer.example",
        "vct": "https://issuer.example/card",
        "iat": now_s - 10,
        "exp": now_s + 1000,
        "status": {"status_list": {"idx": 3, "uri": "https://issuer.example/status/1"}},
        SDObj("name"): "𠮷野·家",
        SDObj("address"): {SDObj("city"): "北京", "country": "CN"},
        "tags": [SDObj("a"), "b"],
        **visible,
    }
    issued = SDJWTIssuer(
        claims,
        issuer_key,
        holder_key,
        sign_alg="ES256",
        add_decoy_claims=True,
        extra_header_parameters={"typ": "dc+sd-jwt", "kid": "their-key"},
    )
    holder = SDJWTHolder(issued.sd_jwt_issuance)
    wanted = {"name": True, "address": {"city": True}, "tags": [True]}
    holder.create_presentation(wanted, "a nonce", "a verifier", holder_key, "ES256")
    asked = Asked("a verifier", "a nonce", "https://issuer.example/card", ("name", "address", "tags"))
    return holder.sd_jwt_presentation, TheirIssuer(issuer_key), asked


def test_our_verifier_reads_what_the_library_made() -> None:
    text, issuer, asked = by_the_library()
    shown = judge(text, asked, issuer, at=datetime.now(UTC))
    assert shown == {"name": "𠮷野·家", "address": {"city": "北京", "country": "CN"}, "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("visible", "later", "reason"),
    [
        ({"exp": 1}, timedelta(0), Refusal.CREDENTIAL_EXPIRED),
        ({}, timedelta(seconds=1100), Refusal.CREDENTIAL_EXPIRED),
        ({"nbf": 2**40}, timedelta(0), Refusal.CREDENTIAL_NOT_YET_VALID),
        ({"vct": "other"}, timedelta(0), Refusal.CREDENTIAL_TYPE_WRONG),
        ({"iss": "https://elsewhere.example"}, timedelta(0), Refusal.ISSUER_UNKNOWN),
        ({"status": {}}, timedelta(0), Refusal.STATUS_UNKNOWN),
        ({"status": {"status_list": {"idx": True, "uri": "x"}}}, timedelta(0), Refusal.STATUS_UNKNOWN),
        ({}, timedelta(seconds=400), Refusal.BINDING_NOT_FRESH),
        ({}, timedelta(seconds=-300), Refusal.CREDENTIAL_NOT_YET_VALID),
    ],
)
def test_our_verifier_refuses_what_the_library_made_wrong(
    visible: dict[str, Any], later: timedelta, reason: Refusal
) -> None:
    text, issuer, asked = by_the_library(**visible)
    with pytest.raises(Refused) as refused:
        judge(text, asked, issuer, at=datetime.now(UTC) + later)
    assert refused.value.reason == reason


def test_what_must_be_visible_may_not_be_hidden() -> None:
    text, issuer, asked = by_the_library(exp=2**40, x=1)
    assert judge(text, asked, issuer, at=datetime.now(UTC))
    key, holder_key = (JWK.generate(kty="EC", crv="P-256") for _ in range(2))
    issued = SDJWTIssuer(
        {"iss": "https://issuer.example", SDObj("vct"): asked.vct, "exp": 2**40},
        key,
        holder_key,
        sign_alg="ES256",
        extra_header_parameters={"typ": "dc+sd-jwt", "kid": "their-key"},
    )
    holder = SDJWTHolder(issued.sd_jwt_issuance)
    holder.create_presentation({"vct": True}, "a nonce", "a verifier", holder_key, "ES256")
    with pytest.raises(Refused) as refused:
        judge(holder.sd_jwt_presentation, asked, TheirIssuer(key), at=datetime.now(UTC))
    assert refused.value.reason == Refusal.DISCLOSURE_WRONG
