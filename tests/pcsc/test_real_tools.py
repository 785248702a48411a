"""Programs that nobody here wrote read our card: opensc-tool and scriptor walk it, emvtool lists it, openssl verifies it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

from tests.pcsc.cards import Slot
from tests.smartcard.makers import CONTENTS, made_card
from tests.smartcard.purses import purse_card
from tests.smartcard.test_client_sequences import (
    BY_IDENTIFIER,
    BY_SFI_AND_NUMBER,
    PIN_FIRST,
    READ_ALL,
    WITH_LENGTH_ZERO,
    WITH_WRONG_LENGTHS,
    Dialogue,
    card_of_the_published_example,
    full_dialogue_of_version_3,
    reset_the_pin_as_published,
)
from tests.smartcard.test_identity import CARD_CA, CARD_MESSAGE, CHALLENGE, SELECT_IDENTITY, prepared_card
from yikatong.gm.sm2 import raw_to_der
from yikatong.smartcard.ssse_layout import Version

DEBIAN_PYTHON = "/usr/bin/python3"
EMVTOOL_NEEDS = ("emv", "terminaltables", "click", "pycountry")
DIALOGUES = {
    "by SFI and number": BY_SFI_AND_NUMBER,
    "by identifier": BY_IDENTIFIER,
    "with wrong lengths": WITH_WRONG_LENGTHS,
    "with length zero": WITH_LENGTH_ZERO,
    "PIN first": PIN_FIRST,
    "read all": READ_ALL,
}


def run(slot: Slot, *command: str, given: str = "", **environment: str) -> str:
    """A program's output; it must end well."""
    done = subprocess.run(
        command,
        input=given,
        env={**slot.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answers_of_scriptor(output: str) -> list[str]:
    """Its answers without words: an answer's bytes may run over lines."""
    answers: list[str] = []
    for line in output.splitlines():
        if line.startswith("<"):
            answers.append("")
        if line.startswith(">") or not answers:
            continue
        answers[-1] += line.removeprefix("<").split(" : ")[0].replace(" ", "")
    return answers


def scripted(slot: Slot, *commands: str) -> list[str]:
    """What scriptor got for these commands."""
    return answers_of_scriptor(
        run(slot, "scriptor", "-r", slot.name, given="".join(f"{command}\n" for command in commands))
    )


@pytest.mark.parametrize("name", list(DIALOGUES))
def test_scriptor_walks_the_card_as_installed_readers_do(slot: Slot, name: str) -> None:
    dialogue = [(command.replace(" ", ""), answer) for command, answer in DIALOGUES[name]]
    slot.insert(made_card(Version.V2))
    assert scripted(slot, *(command for command, _ in dialogue)) == [answer for _, answer in dialogue]


class Scriptor:
    """scriptor as somebody sits before it: a command, its answer, the next command made from it."""

    def __init__(self, slot: Slot) -> None:
        self._process = subprocess.Popen(
            ["scriptor", "-u", "-r", slot.name],
            env=slot.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)

    def __call__(self, command: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command.replace(" ", "") + "\n")
        answer = ""
        for line in self._process.stdout:
            if line.startswith("<") or answer:
                answer += line
                if " : " in line:
                    return answers_of_scriptor(answer)[0]
        raise AssertionError(f"scriptor ended after {command}")


def test_scriptor_goes_through_the_full_dialogue_of_version_3(slot: Slot) -> None:
    slot.insert(made_card())
    with Scriptor(slot) as send:
        full_dialogue_of_version_3(send)


def test_scriptor_resets_the_pin_as_published(slot: Slot) -> None:
    slot.insert(card_of_the_published_example())
    with Scriptor(slot) as send:
        reset_the_pin_as_published(send)


def answers_of_opensc_tool(output: str) -> list[str]:
    """Its answers without letters: a status line, and a dump of sixteen bytes to a line when there are data."""
    answers: list[str] = []
    for line in output.splitlines():
        if found := re.match(r"Received \(SW1=0x(..), SW2=0x(..)\)", line):
            answers.append("".join(found.groups()))
        elif answers and (dump := re.match(r"(?:[0-9A-F]{2} ){1,16}", line)):
            answers[-1] = answers[-1][:-4] + dump[0].replace(" ", "") + answers[-1][-4:]
    return answers


@pytest.mark.parametrize("name", list(DIALOGUES))
def test_opensc_tool_walks_the_card_as_installed_readers_do(slot: Slot, name: str) -> None:
    """It repeats a command by itself when the card names another length, and drops what it did not ask for."""
    dialogue: Dialogue = [(command.replace(" ", ""), answer) for command, answer in DIALOGUES[name]]
    slot.insert(made_card(Version.V2))
    asked, expected = [], []
    for place, (command, answer) in enumerate(dialogue):
        if command.startswith("00C0"):
            continue
        asked.append(command)
        right = dialogue[place + 1][1] if answer.startswith("6C") else answer
        expected.append("9000" if answer.startswith("61") else right)
    output = run(slot, "opensc-tool", "-r", slot.name, *(part for command in asked for part in ("-s", command)))
    assert answers_of_opensc_tool(output) == expected


def test_opensc_tool_sees_the_answer_to_reset(slot: Slot) -> None:
    slot.insert(made_card())
    assert (
        run(slot, "opensc-tool", "-r", slot.name, "-a").strip() == "3b:6d:00:00:00:81:4a:44:46:86:60:11:00:00:00:00:01"
    )


def test_emvtool_lists_what_the_card_pays_with(slot: Slot, tmp_path: Path) -> None:
    packages = Path(sys.prefix) / f"lib/python3.{sys.version_info.minor}/site-packages"
    for name in EMVTOOL_NEEDS:
        (tmp_path / name).symlink_to(packages / name)
    slot.insert(purse_card())
    script = "from emv.command.client import run; run()"
    output = run(slot, DEBIAN_PYTHON, "-c", script, "-r", "0", "listapps", PYTHONPATH=str(tmp_path))
    assert "ICBC" in output
    assert "T-Union" in output
    assert "A0 00 00 03 33 01 01 01" in output
    assert "A0 00 00 06 32 01 01 05" in output


def test_openssl_verifies_the_certificate_and_a_challenge_that_the_card_signed(slot: Slot, tmp_path: Path) -> None:
    slot.insert(prepared_card())
    _, head = scripted(slot, SELECT_IDENTITY, "00B0810004")
    length = 4 + int.from_bytes(bytes.fromhex(head)[2:4])
    reads = [f"00B0{offset:04X}{min(200, length - offset):02X}" for offset in range(0, length, 200)]
    _, _, *pieces, signature = scripted(slot, SELECT_IDENTITY, "00B0810001", *reads, f"0088000110{CHALLENGE.hex()}40")
    certificate = b"".join(bytes.fromhex(piece[:-4]) for piece in pieces)
    (tmp_path / "card.der").write_bytes(certificate)
    (tmp_path / "ca.der").write_bytes(CARD_CA.certificate.dump())
    (tmp_path / "message").write_bytes(CARD_MESSAGE)
    (tmp_path / "signature").write_bytes(raw_to_der(bytes.fromhex(signature[:-4])))

    def openssl(*arguments: str) -> str:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    for name in ("card", "ca"):
        openssl("x509", "-inform", "DER", "-in", f"{name}.der", "-out", f"{name}.pem")
    signer = "distid:1234567812345678"
    checked = openssl("verify", "-partial_chain", "-vfyopt", signer, "-CAfile", "ca.pem", "card.pem")
    assert checked.strip() == "card.pem: OK"
    assert CONTENTS.identification_code in openssl("x509", "-in", "card.pem", "-noout", "-subject")
    (tmp_path / "key.pem").write_text(openssl("x509", "-in", "card.pem", "-noout", "-pubkey"))
    verify = ["-verify", "key.pem", "-sigopt", signer, "-signature", "signature", "message"]
    assert "Verified OK" in openssl("dgst", "-sm3", *verify)
    (tmp_path / "message").write_bytes(CARD_MESSAGE + b"!")
    altered = subprocess.run(["openssl", "dgst", "-sm3", *verify], cwd=tmp_path, capture_output=True, check=False)
    assert altered.returncode != 0
