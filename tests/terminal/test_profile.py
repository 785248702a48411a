"""Profiles: a private key lies in them, so the file's mode counts, and no error shows the key."""

import json
from pathlib import Path

import pytest

from tests.terminal.makers import TERMINAL_ID, profile_fields, write_profile
from tests.wire.makers import LIST_KEY, TERMINAL_KEY
from yikatong.terminal.profile import ProfileError, load_profile


def test_a_profile_is_read(tmp_path: Path) -> None:
    profile = load_profile(write_profile(tmp_path / "p.json", gateway_url="https://gateway.example/"))
    assert (profile.terminal_id, profile.venue, profile.purpose) == (TERMINAL_ID, "国贸", "gate")
    assert profile.gateway_url == "https://gateway.example"
    assert (profile.key.public, profile.list_key) == (TERMINAL_KEY.public, LIST_KEY.public)
    assert TERMINAL_KEY.scalar.hex() not in repr(profile)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610, 0o601])
def test_a_profile_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = write_profile(tmp_path / "p.json")
    path.chmod(mode)
    with pytest.raises(ProfileError, match=f"chmod 600 {path}"):
        load_profile(path)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"terminal_id": "12345"}, "terminal_id"),
        ({"purpose": "bank"}, "purpose"),
        ({"gateway_url": "gateway.example"}, "gateway_url"),
        ({"gateway_url": ""}, "gateway_url"),
        ({"venue": "国贸\n"}, "venue"),
        ({"private_key_hex": "66" * 31}, "private_key_hex is not an SM2 private key"),
        ({"private_key_hex": "00" * 32}, "private_key_hex is not an SM2 private key"),
        ({"private_key_hex": "not hex"}, "private_key_hex is not an SM2 private key"),
        ({"list_signing_key_hex": "02" + "ff" * 32}, "list_signing_key_hex is not an SM2 public key"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    path = write_profile(tmp_path / "p.json", **changed)
    with pytest.raises(ProfileError, match=says) as caught:
        load_profile(path)
    assert str(path) in str(caught.value)
    assert "66666666" not in str(caught.value)


@pytest.mark.parametrize("octets", [b"", b"{", b"[]", b"\xff\xfe", b"\x89PNG"])
def test_what_is_no_profile_is_refused(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "p.json"
    path.touch(mode=0o600)
    path.write_bytes(octets)
    with pytest.raises(ProfileError, match="is not a terminal profile"):
        load_profile(path)


@pytest.mark.parametrize("field", sorted(profile_fields()))
def test_every_field_is_needed(tmp_path: Path, field: str) -> None:
    path = tmp_path / "p.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({name: value for name, value in profile_fields().items() if name != field}))
    with pytest.raises(ProfileError, match=field):
        load_profile(path)


def test_a_missing_profile_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="register-terminal"):
        load_profile(tmp_path / "none.json")


def test_a_folder_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="is not a file"):
        load_profile(tmp_path)
