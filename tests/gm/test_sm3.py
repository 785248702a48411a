"""SM3 and keyed SM3 against GM/T 0004, gmalg and the openssl command; both implementations."""

import hashlib
from collections.abc import Callable
from typing import Any

import gmalg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.gm import sm3
from yikatong.gm.sm3 import Sm3Mac, choose_implementation


@pytest.fixture(params=["hashlib", "cryptography"], autouse=True)
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "cryptography":
        make = choose_implementation(without_sm3)
        monkeypatch.setattr(sm3, "_new", make)
        monkeypatch.setattr(sm3, "_EMPTY", make())


def without_sm3() -> Any:
    """hashlib as Python has it when its OpenSSL was built without SM3."""
    return hashlib.new("sm3-absent")


def test_the_standards_digests(sm3_digest: dict[str, Any]) -> None:
    assert sm3.digest(sm3_digest["message"]) == sm3_digest["digest"]


@given(st.binary(max_size=300))
def digests_agree_with_gmalg(data: bytes) -> None:
    oracle = gmalg.SM3()
    oracle.update(data)
    assert sm3.digest(data) == oracle.value()


def test_gmalg_agrees() -> None:
    digests_agree_with_gmalg()


@pytest.mark.parametrize("key", [b"k", b"0123456789abcdef", b"k" * 64, b"k" * 65], ids=len)
def test_openssl_agrees_on_keyed_sm3(openssl: Callable[..., bytes], key: bytes) -> None:
    arguments = ("dgst", "-sm3", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary")
    for data in (b"", b"119901199001010015", b"d" * 200):
        assert sm3.hmac(key, data) == openssl(*arguments, stdin=data)


@given(key=st.binary(max_size=100), values=st.lists(st.binary(max_size=100), max_size=5))
def one_mac_object_serves_many_values(key: bytes, values: list[bytes]) -> None:
    mac = Sm3Mac(key)
    assert [mac.of(value) for value in values] == [sm3.hmac(key, value) for value in values]


def test_one_mac_object_serves_many_values() -> None:
    one_mac_object_serves_many_values()


def test_a_listed_but_refused_sm3_is_not_relied_on() -> None:
    """A FIPS policy lists SM3 and refuses it when asked."""
    assert choose_implementation(without_sm3) is not without_sm3
    assert choose_implementation(sm3._hashlib_sm3) is sm3._hashlib_sm3
