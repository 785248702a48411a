"""Registering and stopping terminals: the certificate, the profile with its key, and what cannot be registered."""

import os
from pathlib import Path

import pytest

from tests.acceptance.makers import DAY, NOBODY, metro_venue, registered, revoke
from tests.cast import CLERK, NOON
from yikatong.acceptance import services
from yikatong.acceptance.lists import list_key
from yikatong.acceptance.models import Operator, Terminal, Venue
from yikatong.audit.models import AuditEvent
from yikatong.city.network import metro_network
from yikatong.gm import x509
from yikatong.issuance.authorities import root, terminal_authority

pytestmark = pytest.mark.django_db


def register(folder: Path, **changes: object) -> Terminal:
    """With one thing changed."""
    options: dict[str, object] = {
        "venue_id": metro_venue().venue_id,
        "purpose": "gate",
        "gateway_url": NOBODY,
        "out": folder / "profile.json",
        "by": CLERK,
        "at": NOON,
    }
    options |= changes
    number = str(options.pop("terminal_id", "900100000001"))
    return services.register_terminal(number, **options)  # type: ignore[arg-type]


def test_a_terminal_gets_a_certificate_and_its_profile_the_key_to_it(tmp_path: Path) -> None:
    gate = registered(tmp_path, at=NOON)
    terminal = Terminal.objects.get(terminal_id=gate.terminal_id)
    assert (tmp_path / f"{gate.terminal_id}.json").stat().st_mode & 0o777 == 0o600
    assert gate.profile.key.public.compressed == bytes(terminal.public_key)
    assert gate.profile.list_key == list_key().public
    certificate = x509.parse(bytes(terminal.certificate_der))
    assert x509.public_key_of(certificate) == gate.profile.key.public
    chain = [certificate, terminal_authority().certificate]
    proved = x509.verify_chain(chain, [root().certificate], at=NOON + DAY, profile=x509.Profile.TERMINAL)
    assert proved == gate.profile.key.public
    assert AuditEvent.objects.filter(action="terminal.registered").count() == 1


@pytest.mark.parametrize("number", ["", "90010000000", "9001000000012", "90010000000x", "９００１００００００００"])
def test_a_number_has_twelve_digits(tmp_path: Path, number: str) -> None:
    with pytest.raises(services.RegistrationError, match="12 digits"):
        register(tmp_path, terminal_id=number)


def test_a_number_is_never_used_twice_even_after_it_was_revoked(tmp_path: Path) -> None:
    gate = registered(tmp_path, at=NOON)
    revoke(gate, at=NOON)
    with pytest.raises(services.RegistrationError, match="registered already"):
        register(tmp_path, terminal_id=gate.terminal_id)


def test_an_unknown_venue_is_named(tmp_path: Path) -> None:
    with pytest.raises(services.RegistrationError, match="metro:月球"):
        register(tmp_path, venue_id="metro:月球")


def test_gates_stand_at_stations_only(tmp_path: Path) -> None:
    hospital = Operator.objects.create(
        code="MED-1", name_zh="医院", name_en="hospital", scenario="medical", source="test"
    )
    venue = Venue.objects.create(venue_id="medical:1", operator=hospital, name="院" * 49)
    with pytest.raises(services.RegistrationError, match="identity or till"):
        register(tmp_path, venue_id=venue.venue_id)
    assert register(tmp_path, venue_id=venue.venue_id, purpose="identity").purpose == "identity"


def test_a_profile_is_never_overwritten_and_nobody_registered_without_one(tmp_path: Path) -> None:
    taken = tmp_path / "profile.json"
    taken.write_text("somebody's key")
    with pytest.raises(services.RegistrationError, match="never overwritten"):
        register(tmp_path)
    assert taken.read_text() == "somebody's key"
    assert not Terminal.objects.exists()


def test_a_full_disk_leaves_neither_terminal_nor_half_a_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdopen

    def full(handle: int, *arguments: object, **options: object) -> object:
        real(handle, "w").close()
        return Path("/dev/full").open("w")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(services.RegistrationError, match="No space left"):
        register(tmp_path)
    monkeypatch.undo()
    assert not (tmp_path / "profile.json").exists()
    assert register(tmp_path).terminal_id == "900100000001"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(services.RegistrationError, match="cannot be written"):
        register(tmp_path, out=tmp_path / ("x" * 300) / "profile.json")
    assert not Terminal.objects.exists()


def test_revoking_twice_keeps_the_first_date(tmp_path: Path) -> None:
    gate = registered(tmp_path, at=NOON)
    revoke(gate, at=NOON + DAY)
    revoke(gate, at=NOON + 2 * DAY)
    assert Terminal.objects.get(terminal_id=gate.terminal_id).revoked_at == NOON + DAY
    assert AuditEvent.objects.filter(action="terminal.revoked").count() == 1


def test_setting_up_twice_makes_every_station_a_venue_once() -> None:
    from yikatong.acceptance.setup import ensure_operators

    assert ensure_operators() == len(metro_network().stations)
    assert ensure_operators() == len(metro_network().stations)
    assert Operator.objects.count() == 1
