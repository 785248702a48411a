"""No text is left untranslated, and what is compiled is what is written."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CATALOGUE = Path("locale/en/LC_MESSAGES/django.po")
ENTRY = re.compile(r'((?:^#.*\n)*)^msgid ((?:"[^\n]*"\n)+)^msgstr ((?:"[^\n]*"\n)+)', re.MULTILINE)


def untranslated(catalogue: Path) -> list[str]:
    found = []
    for comments, original, translation in ENTRY.findall(catalogue.read_text(encoding="utf-8")):
        text, words = ("".join(re.findall(r'"(.*)"', part)) for part in (original, translation))
        if text and (not words or "fuzzy" in comments):
            found.append(text)
    return found


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext is not installed; make setup-system installs it")
def test_every_text_is_translated(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "yikatong", tmp_path / "yikatong", ignore=shutil.ignore_patterns("data", "vendor", "__pycache__")
    )
    command = [sys.executable, "-W", "ignore", "-m", "django", "makemessages", "-l", "en", "--no-location"]
    finished = subprocess.run(command, cwd=tmp_path / "yikatong", capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert untranslated(tmp_path / "yikatong" / CATALOGUE) == []


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext is not installed; make setup-system installs it")
def test_the_compiled_catalogue_is_fresh(tmp_path: Path) -> None:
    compiled = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", compiled, ROOT / "yikatong" / CATALOGUE], check=True)
    assert compiled.read_bytes() == (ROOT / "yikatong" / CATALOGUE.with_suffix(".mo")).read_bytes()
