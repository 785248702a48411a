"""Lists on disk: believed only when signed, healed by the next sync, never set back to older ones."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from tests.terminal.makers import give_lists, open_terminal
from tests.wire.makers import LIST_KEY, NOW, STRANGER, make_deny, make_text, make_trust
from yikatong.terminal import Terminal
from yikatong.terminal.lists import Held
from yikatong.wire.lists import DENY_LIST, TRUST_LIST, ListInvalid, sign_list


def signed(version: int, issued_s: int) -> bytes:
    """A deny list that names its version, issued so many seconds after ``NOW``."""
    content = make_deny({f"token:{version}": "x"}, version=version, issued_at=NOW + timedelta(seconds=issued_s))
    return sign_list(content, LIST_KEY)


def test_a_new_terminal_has_none(tmp_path: Path) -> None:
    with open_terminal(tmp_path, lists=False) as terminal:
        assert terminal.lists.current() == Held(None, None)


def test_lists_outlive_the_process(tmp_path: Path) -> None:
    with open_terminal(tmp_path) as terminal:
        give_lists(terminal, deny=make_deny({"token:aa": "card_superseded"}, version=2))
    with open_terminal(tmp_path, lists=False) as terminal:
        held = terminal.lists.current()
        assert held.trust == make_trust()
        assert held.deny is not None
        assert held.deny.entries == {"token:aa": "card_superseded"}


@pytest.mark.parametrize(
    ("version", "issued_s", "taken"),
    [
        (5, 1, True),  # rebuilt, nothing changed
        (6, 0, True),
        (6, -9, True),  # two gateways whose clocks differ
        (5, 0, True),
        (4, 9, True),  # the platform's database was restored from a backup
        (5, -1, False),  # an old answer repeated
        (4, -1, False),
    ],
)
def test_an_older_list_is_not_taken(terminal: Terminal, version: int, issued_s: int, taken: bool) -> None:
    assert terminal.lists.replace(DENY_LIST, signed(5, 0))
    assert terminal.lists.replace(DENY_LIST, signed(version, issued_s)) is taken
    held = terminal.lists.current().deny
    assert held is not None
    assert held.version == (version if taken else 5)


@pytest.mark.parametrize(
    "octets", [sign_list(make_deny(), STRANGER), sign_list(make_trust(), LIST_KEY), b"", b"<html>", b"{}"]
)
def test_what_is_not_signed_as_a_deny_list_changes_nothing(terminal: Terminal, octets: bytes) -> None:
    before = terminal.lists.current()
    with pytest.raises(ListInvalid):
        terminal.lists.replace(DENY_LIST, octets)
    assert terminal.lists.current() == before


def test_an_unknown_list_is_refused(terminal: Terminal) -> None:
    with pytest.raises(ListInvalid, match="no list called snacks"):
        terminal.lists.replace("snacks", sign_list(make_deny(), LIST_KEY))


@pytest.mark.parametrize(("name", "reason"), [(TRUST_LIST, "trust_list_missing"), (DENY_LIST, "deny_list_missing")])
def test_what_was_tampered_with_on_disk_counts_as_missing_until_the_next_sync(
    tmp_path: Path, name: str, reason: str
) -> None:
    with open_terminal(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "state" / "state.sqlite") as database:
        (octets,) = database.execute("select octets from list where name = ?", [name]).fetchone()
        spoilt = octets.replace(b'"payload":"e', b'"payload":"f')
        assert spoilt != octets
        database.execute("update list set octets = ? where name = ?", [spoilt, name])
    database.close()
    with open_terminal(tmp_path, lists=False) as terminal:
        assert terminal.present(make_text(), NOW).reason == reason
        assert "not signed" in terminal.lists.faults[name]
        give_lists(terminal)
        assert terminal.present(make_text(nonce=b"8 bytes."), NOW).accepted
        assert terminal.lists.faults == {}


def test_another_process_may_refresh_them(tmp_path: Path) -> None:
    with open_terminal(tmp_path) as gate:
        assert gate.present(make_text(nonce=b"first one"[:8]), NOW).accepted
        with open_terminal(tmp_path, lists=False) as beside:
            give_lists(beside, deny=make_deny({"token:" + "a1" * 8: "card_superseded"}, version=2))
        assert gate.present(make_text(nonce=b"second one"[:8]), NOW).reason == "card_superseded"
