"""No text is left untranslated in any language, and what is compiled and generated is what is written."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.traditional import OVERRIDES, SOURCE, TARGET, Converter, Override, overrides, traditional

ROOT = Path(__file__).resolve().parent.parent.parent
ENTRY = re.compile(r'((?:^#.*\n)*)^msgid ((?:"[^\n]*"\n)+)^msgstr ((?:"[^\n]*"\n)+)', re.MULTILINE)
CHINESE = re.compile(r"[\u3400-\u9fff]+")
TRANSLATED = re.compile(
    r"\{%-?\s*comment\b.*?endcomment\s*%\}|\{#.*?#\}|\{%\s*blocktrans(?:late)?\b.*?endblocktrans(?:late)?\s*%\}|\{%.*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)
OWN_NAMES = re.compile(r'<(\w+)[^>]*\blang="zh-[\w-]+"[^>]*>[^<]*</\1>')
"""A language's own name is written in that language everywhere."""
TEMPLATES = sorted(path for app in ("portal", "workbench") for path in (ROOT / "yikatong" / app).rglob("*.html"))


def untranslated(catalogue: Path) -> list[str]:
    found = []
    for comments, original, translation in ENTRY.findall(catalogue.read_text(encoding="utf-8")):
        text, words = ("".join(re.findall(r'"(.*)"', part)) for part in (original, translation))
        if text and (not words or "fuzzy" in comments):
            found.append(text)
    return found


def texts_of(catalogue: Path) -> set[str]:
    entries = ENTRY.findall(catalogue.read_text(encoding="utf-8"))
    return {"".join(re.findall(r'"(.*)"', original)) for _, original, _ in entries} - {""}


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext is not installed; make setup-system installs it")
def test_every_text_is_translated(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "yikatong", tmp_path / "yikatong", ignore=shutil.ignore_patterns("data", "vendor", "__pycache__")
    )
    command = [sys.executable, "-W", "ignore", "-m", "django", "makemessages", "-l", "en", "--no-location"]
    finished = subprocess.run(command, cwd=tmp_path / "yikatong", capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    fresh = tmp_path / SOURCE.relative_to(ROOT)
    assert untranslated(fresh) == []
    assert texts_of(fresh) - texts_of(TARGET) == set(), "make messages writes the Traditional ones"


def test_the_traditional_catalogue_is_what_the_generator_makes() -> None:
    assert TARGET.read_text(encoding="utf-8") == traditional(SOURCE, overrides()), (
        f"change {OVERRIDES.name}, then make messages"
    )


def test_every_override_is_needed_and_says_why() -> None:
    plain = traditional(SOURCE, [])
    entries = overrides()
    assert len({one.phrase for one in entries}) == len(entries)
    assert [one.phrase for one in entries if one.phrase not in plain or not one.why.strip()] == []


@pytest.mark.parametrize(
    ("simplified", "wording"),
    [
        ("发卡柜台", "發卡櫃枱"),
        ("养老金发放银行", "養老金發放銀行"),
        ("%(n)s 周，共 %(total)s 张", "%(n)s 週，共 %(total)s 張"),
        ("启用后，旧卡的社会保障功能终止。", "啓用後，舊卡的社會保障功能終止。"),
    ],
)
def test_known_traps_of_conversion(simplified: str, wording: str) -> None:
    assert Converter(overrides()).convert(simplified) == wording


def test_a_longer_phrase_wins_over_its_part() -> None:
    entries = [Override("週", "周", "x"), Override("一週", "一個星期", "x")]
    assert Converter(entries).convert("一週又週") == "一個星期又周"


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext is not installed; make setup-system installs it")
@pytest.mark.parametrize("catalogue", [SOURCE, TARGET], ids=["en", "zh_Hant"])
def test_the_compiled_catalogue_is_fresh(tmp_path: Path, catalogue: Path) -> None:
    compiled = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", compiled, catalogue], check=True)
    assert compiled.read_bytes() == catalogue.with_suffix(".mo").read_bytes()


def raw_chinese(template: str) -> list[str]:
    """Chinese that a template shows to everybody, whatever their language."""
    return CHINESE.findall(OWN_NAMES.sub("", TRANSLATED.sub("", template)))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_has_text_that_is_not_marked_for_translation(path: Path) -> None:
    assert raw_chinese(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>你好</p>", ["你好"]),
        ('<a title="帮助">?</a>', ["帮助"]),
        ('{% translate "你好" %}', []),
        ("{% blocktranslate with a=b %}你好 {{ a }}{% endblocktranslate %}", []),
        ("{# 注 #}{% comment %}注{% endcomment %}", []),
        ('<button lang="zh-CN">简体中文</button>', []),
        ('<button lang="en">中文</button>', ["中文"]),
    ],
)
def test_the_search_for_raw_chinese_itself(template: str, found: list[str]) -> None:
    assert raw_chinese(template) == found
