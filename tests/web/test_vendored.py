"""Files taken from npm are exactly those of the pinned versions."""

import hashlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
VENDORED = tomllib.loads((ROOT / "yikatong/portal/static/vendor/VENDORED.toml").read_text(encoding="utf-8"))["file"]


@pytest.mark.parametrize("entry", VENDORED, ids=lambda entry: str(entry["package"]))
def test_vendored_file_is_unchanged(entry: dict[str, str]) -> None:
    assert hashlib.sha256((ROOT / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    assert entry["licence"]


def test_every_vendored_file_is_listed() -> None:
    folders = [ROOT / "yikatong/portal/static/vendor", ROOT / "yikatong/workbench/static/vendor", ROOT / "tests/vendor"]
    folders.append(ROOT / "yikatong/issuance/data")
    present = {str(path.relative_to(ROOT)) for folder in folders for path in folder.iterdir() if path.suffix != ".toml"}
    assert present == {entry["path"] for entry in VENDORED}
