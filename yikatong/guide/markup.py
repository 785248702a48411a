"""The few marks an answer may use, and the HTML they become. Pure.

A blank line parts paragraphs; lines that begin with ``- `` make a list; ``[words](/page/)`` links to a page of this portal and
``[words](tel:12333)`` to a telephone. Everything else is shown as typed: all text is escaped, no other address becomes a link.
"""

import re
from html import escape

_LINK = re.compile(r"\[([^\[\]\n]+)\]\(([^()\s]*)\)")
_OWN_PAGE = re.compile(r"/(?![/\\])[A-Za-z0-9_\-./?=&%#:]*")
_TELEPHONE = re.compile(r"tel:\+?[0-9\-]{3,20}")


def is_safe_target(target: str) -> bool:
    """Whether a link may lead there: a page of this portal, or a telephone."""
    return bool(_OWN_PAGE.fullmatch(target) or _TELEPHONE.fullmatch(target))


def unsafe_links(text: str) -> list[str]:
    """Targets of links that will not become links, so that an editor can be told."""
    return [target for _, target in _LINK.findall(text) if not is_safe_target(target)]


def to_html(text: str) -> str:
    """An answer as HTML. Safe whatever the text holds."""
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    return "\n".join(_block(block.strip("\n").split("\n")) for block in blocks if block.strip())


def to_plain(text: str) -> str:
    """The same without marks, for searching and for summaries."""
    without_links = _LINK.sub(lambda found: found[1], text)
    return re.sub(r"\s+", " ", re.sub(r"(?m)^- ", "", without_links)).strip()


def _block(lines: list[str]) -> str:
    parts, items, words = [], [], []  # type: ignore[var-annotated]

    def close() -> None:
        if words:
            parts.append(f"<p>{'<br>'.join(map(_inline, words))}</p>")
        if items:
            parts.append("<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>")
        words.clear()
        items.clear()

    for line in lines:
        is_item = line.startswith("- ")
        if is_item == bool(words) and (words or items):
            close()
        (items if is_item else words).append(line[2:].strip() if is_item else line.strip())
    close()
    return "".join(parts)


def _inline(text: str) -> str:
    made, at = [], 0
    for found in _LINK.finditer(text):
        made.append(escape(text[at : found.start()]))
        words, target = found.groups()
        is_link = is_safe_target(target)
        made.append(f'<a href="{escape(target)}">{escape(words)}</a>' if is_link else escape(found[0]))
        at = found.end()
    return "".join([*made, escape(text[at:])])
