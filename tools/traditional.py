"""Write the Traditional Chinese catalogue from the Simplified texts, by OpenCC and a list of reviewed exceptions.

``python -m tools.traditional`` (called by ``make messages``) reads the texts from the English catalogue, whose msgids are the
Simplified originals, converts each, applies ``locale/zh_Hant/overrides.toml`` and writes ``zh_Hant/LC_MESSAGES/django.po``.
Nobody edits that file: a reviewer who wants other words adds an override. Why s2hk: docs/languages.md.
"""

import io
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import opencc
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

LOCALE = Path(__file__).resolve().parent.parent / "yikatong" / "locale"
SOURCE = LOCALE / "en" / "LC_MESSAGES" / "django.po"
TARGET = LOCALE / "zh_Hant" / "LC_MESSAGES" / "django.po"
OVERRIDES = LOCALE / "zh_Hant" / "overrides.toml"
CONVERSION = "s2hk"
HEADER = """# Traditional Chinese, written by `make messages` (tools/traditional.py): change overrides.toml, not this file.
msgid ""
msgstr ""
"Language: zh_Hant\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"""


@dataclass(frozen=True, slots=True)
class Override:
    """Where the converter writes ``phrase``, we write ``wording``; ``why`` is the reviewer's note."""

    phrase: str
    wording: str
    why: str


def overrides(path: Path = OVERRIDES) -> list[Override]:
    """The reviewed exceptions, longest first, so that a phrase wins over a part of it."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["override"]
    return sorted((Override(**entry) for entry in entries), key=lambda one: -len(one.phrase))


class Converter:
    """Simplified to Traditional, with the exceptions."""

    def __init__(self, exceptions: list[Override]) -> None:
        self._opencc = opencc.OpenCC(CONVERSION)
        self._wordings = {one.phrase: one.wording for one in exceptions}
        self._phrases = re.compile("|".join(map(re.escape, self._wordings)) or "(?!)")

    def convert(self, text: str) -> str:
        """``text`` in Traditional characters."""
        converted: str = self._opencc.convert(text)
        return self._phrases.sub(lambda found: self._wordings[found[0]], converted)


def traditional(source: Path, exceptions: list[Override]) -> str:
    """The whole Traditional catalogue for the texts in ``source``, a catalogue of ours in any language."""
    converter = Converter(exceptions)
    with source.open("rb") as file:
        original = read_po(file)
    written = Catalog()
    for message in original:
        if not message.id:
            continue
        simplified = message.id if isinstance(message.id, str) else message.id[0]
        flags = [flag for flag in message.flags if flag != "fuzzy"]
        texts = converter.convert(simplified)
        written.add(
            message.id, texts if isinstance(message.id, str) else (texts,), flags=flags, context=message.context
        )
    out = io.BytesIO()
    write_po(out, written, omit_header=True, no_location=True, width=0)
    return f"{HEADER}\n{out.getvalue().decode('utf-8').strip()}\n"


def main() -> None:
    """Write the catalogue."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(traditional(SOURCE, overrides()), encoding="utf-8")


if __name__ == "__main__":
    main()
