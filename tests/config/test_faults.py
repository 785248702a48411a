"""A command that cannot reach its database says so in words and fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY_LISTENS = "postgresql://127.0.0.1:1/yikatong"


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DATABASE_URL": NOBODY_LISTENS, "YIKATONG_HOME": str(home)}
    environment.pop("YIKATONG_KEYS", None)
    command = [sys.executable, "-m", "yikatong.config", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("db", "migrate"),
        ("city", "load"),
        ("fairness", "commit"),
        ("keys", "rotate"),
        ("up",),
        ("demo", "--persons", "10"),
    ],
    ids=" ".join,
)
def test_a_database_out_of_reach_is_told_without_a_stack_of_calls(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, home=tmp_path)
    assert done.returncode == 1
    assert "the database cannot be reached" in done.stderr
    assert "Connection refused" in done.stderr
    assert "yikatong db status" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_an_import_without_a_database_leaves_no_trace_beside_its_file(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    made = run("registry", "synth", "--persons", "5", "--out", str(register), home=tmp_path)
    assert made.returncode == 0, made.stderr
    before = sorted(path.name for path in tmp_path.iterdir())
    done = run("registry", "import", str(register), home=tmp_path)
    assert done.returncode == 1
    assert "the database cannot be reached" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_key_component_is_made_on_a_machine_without_a_database(tmp_path: Path) -> None:
    path = tmp_path / "first.json"
    command = ("keys", "component", "--number", "1", "--of", "3", "--out", str(path))
    made = run(*command, home=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "共 3 份分量中的第 1 份" in made.stdout
    again = run(*command, home=tmp_path)
    assert again.returncode == 1
    assert again.stderr.startswith(f"Error: {path} 已经存在，分量文件从不覆盖")
    assert [entry.name for entry in tmp_path.iterdir()] == ["first.json"]


def test_the_keys_are_listed_without_a_database(tmp_path: Path) -> None:
    listed = run("keys", "list", home=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "field/1" in listed.stdout
