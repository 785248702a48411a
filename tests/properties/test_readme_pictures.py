"""The README shows what ``make screenshots`` takes: every picture, and none that it does not take."""

import re
from pathlib import Path

import pytest

from tools.screenshots import OUT, ROOT, SHOTS, is_there


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_each_picture_is_shown_once(name: str) -> None:
    shown = re.findall(r'src="docs/images/pages/([\w-]+)\.png"', Path(ROOT, name).read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(shot.name for shot in SHOTS)


def test_each_picture_is_there_and_its_page_too() -> None:
    assert len(SHOTS) == 12
    for shot in SHOTS:
        assert (OUT / f"{shot.name}.png").is_file(), f"{shot.name}: run make screenshots"
        assert is_there(shot.path), shot
