"""A SoftHSM2 token of a test's own: Debian's softhsm2, its tokens in the test's folder."""

import os
import subprocess
from pathlib import Path

import pkcs11
import pytest

from yikatong.gm.pkcs11_store import TokenAddress

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "246810"
TOKEN = "yikatong test"


def make_token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> TokenAddress:
    """A new token, the only one this process and those it starts see until the test ends."""
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    add_token(TOKEN)
    pin = folder / "pin"
    pin.touch(0o600)
    pin.write_text(f"{PIN}\n")
    return TokenAddress(MODULE, TOKEN, pin)


def add_token(label: str) -> None:
    """Another token beside those there are."""
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN]
    subprocess.run(command, env=os.environ, check=True, capture_output=True)
    pkcs11.lib(str(MODULE)).reinitialize()  # it looks for tokens only when it starts
