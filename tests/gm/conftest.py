"""What the tests of 国密 share: the published examples, and the openssl command as a second opinion."""

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VECTORS = tomllib.loads((Path(__file__).parent.parent / "vectors" / "gm.toml").read_text(encoding="utf-8"))

type OpenSsl = Callable[..., bytes]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A parameter named after a table of tests/vectors/gm.toml takes each of its rows, its hex already bytes."""
    for name, rows in VECTORS.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, [in_bytes(row) for row in rows], ids=[row["clause"] for row in rows])


def in_bytes(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: bytes.fromhex(value) if key != "clause" and isinstance(value, str) else value for key, value in row.items()
    }


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSsl:
    """Run the openssl command in the test's own folder; what it prints."""

    def run(*arguments: str, stdin: bytes = b"") -> bytes:
        finished = subprocess.run(["openssl", *arguments], cwd=tmp_path, input=stdin, capture_output=True, check=False)
        assert finished.returncode == 0, f"openssl {' '.join(arguments)}: {finished.stderr.decode()}"
        return finished.stdout

    return run
