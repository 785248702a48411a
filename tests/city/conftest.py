"""A data folder that a test may spoil, and one load of the real one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from yikatong.city.folder import BEIJING

Spoil = Callable[[str, str, str], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of Beijing's data folder."""
    return Path(shutil.copytree(BEIJING, tmp_path / "city"))


@pytest.fixture
def spoil(folder: Path) -> Spoil:
    """Replace a text that occurs in a file of the copy; returns the folder."""

    def change(name: str, old: str, new: str) -> Path:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return change
