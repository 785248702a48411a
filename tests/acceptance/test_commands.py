"""``yikatong acceptance …`` as an operator types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cast import CLERK, NOON, active_card, make_bank, make_person
from yikatong.acceptance.cli import acceptance
from yikatong.acceptance.models import Operator, Terminal, Venue
from yikatong.city.models import Place
from yikatong.issuance import services as issuance
from yikatong.terminal.profile import load_profile

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> Result:
    return CliRunner().invoke(acceptance, arguments)


def register(folder: Path, *arguments: str, number: str = "900100000001") -> Result:
    return run("register-terminal", "--terminal-id", number, "--out", str(folder / f"{number}.json"), *arguments)


@pytest.fixture
def places() -> None:
    """Two libraries of one name's beginning, a hospital and a park."""
    for place_id, kind, code, name in [
        ("library:lib_1", "library", "lib_1", "东城区图书馆"),
        ("library:lib_2", "library", "lib_2", "东城区图书馆角楼分馆"),
        ("library:首都图书馆", "library", "", "首都图书馆"),
        ("medical:01110003", "medical_institution", "01110003", "协和医院"),
        ("medical:01110004", "medical_institution", "01110004", "协和医院"),
        ("park:颐和园", "park", "", "颐和园"),
        ("metro:国贸", "metro_station", "1", "国贸"),
    ]:
        Place.objects.create(place_id=place_id, kind=kind, code=code, name=name, source="test list")


def test_a_gate_is_registered_at_its_station_and_can_be_opened(tmp_path: Path) -> None:
    finished = register(tmp_path, "--station", "国贸", "--gateway-url", "http://gateway.invalid:8601")
    assert finished.exit_code == 0, finished.output
    assert "国贸" in finished.output
    profile = load_profile(tmp_path / "900100000001.json")
    assert (profile.venue, profile.purpose, profile.operator) == ("国贸", "gate", "BJMETRO")
    assert profile.key.scalar.hex() not in finished.output


@pytest.mark.parametrize(
    ("named", "operator", "scenario"),
    [
        ("首都图书馆", None, "libraries"),
        ("东城区图书馆", "LIB-lib_1", "libraries"),
        ("library:lib_2", "LIB-lib_2", "libraries"),
        ("medical:01110003", "MED-01110003", "medical"),
        ("颐和园", None, "parks"),
    ],
)
def test_an_institution_becomes_an_operator_with_its_first_terminal(
    places: None, tmp_path: Path, named: str, operator: str | None, scenario: str
) -> None:
    for number in ("900100000001", "900100000002"):
        finished = register(tmp_path, "--place", named, number=number)
        assert finished.exit_code == 0, finished.output
    made = Operator.objects.get()
    assert made.code.isascii()
    assert operator is None or made.code == operator
    assert (made.scenario, "assumption" in made.source) == (scenario, True)
    assert set(Terminal.objects.values_list("venue_id", "purpose")) == {(Venue.objects.get().venue_id, "identity")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "either --station or --place"),
        (["--station", "国贸", "--place", "颐和园"], "either --station or --place"),
        (["--station", "国茂"], "国贸"),
        (["--place", "图书馆"], "library:lib_1"),
        (["--place", "协和医院"], "medical:01110004"),
        (["--place", "metro:国贸"], "没有名为"),
        (["--place", "颐和园", "--purpose", "gate"], "identity or till"),
        (["--station", "国贸", "--purpose", "spaceship"], "spaceship"),
    ],
)
def test_what_cannot_be_registered_says_what_could_be(
    places: None, tmp_path: Path, arguments: list[str], words: str
) -> None:
    finished = register(tmp_path, *arguments)
    assert finished.exit_code != 0
    assert words in finished.output + str(finished.exception)
    assert not Terminal.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_terminals_and_venues_are_listed(places: None, tmp_path: Path) -> None:
    register(tmp_path, "--station", "国贸")
    register(tmp_path, "--place", "颐和园", number="900100000002")
    assert run("revoke-terminal", "900100000001").exit_code == 0
    listed = run("terminals").output.splitlines()
    assert [line.split() for line in listed] == [
        ["900100000001", "gate", "revoked", "国贸"],
        ["900100000002", "identity", "in", "use", "颐和园"],
    ]
    assert "metro:国贸" in run("venues").output
    assert run("venues", "--operator", Operator.objects.get(scenario="parks").code).output.count("\n") == 1


def test_revoking_what_does_not_exist_says_so() -> None:
    finished = run("revoke-terminal", "900100000001")
    assert finished.exit_code == 1
    assert "yikatong acceptance terminals" in finished.output


def test_the_deny_list_is_shown_as_terminals_get_it() -> None:
    card = active_card(make_person(1), make_bank())
    issuance.report_loss(card.card_id, by=CLERK, at=NOON)
    shown = json.loads(run("deny-list").output)
    assert shown["entries"][f"number:{card.card_number}"] == "card_reported_lost"
