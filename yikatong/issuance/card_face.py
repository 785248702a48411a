"""The printed face of a third-generation card: a PDF of two pages, front and back, each exactly as large as the card.

It is for a card printer at a counter, at its actual size. Nothing is printed where the chip's contacts are. A name is made
smaller until it fits, never cut; a character that the font has not is told, never printed as a box. The file says nothing of the
holder but on its pages. What the real card's face looks like in detail is the city's to decide. Source of the layout: assumption.
"""

import logging
import os
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import TTFFont

from yikatong.foundation.errors import YikatongError

logging.getLogger("fontTools").setLevel(logging.WARNING)  # at INFO it tells which characters a name has

WIDTH_MM, HEIGHT_MM = 85.60, 53.98
"""Source: ISO/IEC 7810:2019, 5.1.1 (ID-1)."""
CONTACTS_MM = (8.5, 17.0, 14.0, 14.0)
"""Left, top, width, height of the place kept free. Source: ISO/IEC 7816-2:2007, figure 2 (contacts at 10.25 to 19.87 mm from the
left and 19.23 to 28.55 mm from the top), and what the plate around them takes: assumption."""
PORTRAIT_MM = (61.0, 13.5, 20.0, 24.6)
"""Left, top, width, height, in the proportion of 358 to 441."""
FONT_VARIABLE = "YIKATONG_CJK_FONT"
_FONTS = (Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),)
_SIMPLIFIED = 2
"""The place of the face for simplified Chinese in the Noto collection."""
_LEFT, _RIGHT = 5.0, 80.6
_TITLE_PT, _TEXT_PT, _SMALL_PT, _LEAST_PT = 10.0, 7.5, 5.5, 3.5
_INK, _QUIET, _RULE = 20, 95, 175


class FaceUnprintable(YikatongError):
    """The face cannot be printed as it must be; the text says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class FaceContents:
    """What the face says. ``portrait_jpeg``: 358 by 441 points, ``None`` to leave its frame empty."""

    name: str = field(repr=False)
    identity_number: str = field(repr=False)
    card_number: str
    bank_name: str
    city_name: str
    issued_on: date
    expires_on: date
    portrait_jpeg: bytes | None = field(default=None, repr=False)


def face_pdf(contents: FaceContents) -> bytes:
    """The PDF. Raises ``FaceUnprintable`` for a character or a font that is missing."""
    page = _Face()
    try:
        _front(page, contents)
        _back(page, contents)
        return bytes(page.output())
    finally:
        page.font.ttfont.close()


class _Face(FPDF):
    """Two pages of a card's size, and text that fits its place."""

    def __init__(self) -> None:
        super().__init__(unit="mm", format=(WIDTH_MM, HEIGHT_MM))
        self.set_margin(0)
        self.c_margin = 0
        self.set_auto_page_break(auto=False)
        self.set_title("社会保障卡卡面")
        self.set_creator("Yikatong")
        path = _font_path()
        self.add_font("face", fname=path, collection_font_number=_SIMPLIFIED if path in _FONTS else 0)
        added = self.fonts["face"]
        assert isinstance(added, TTFFont), "a font added from a file is one"
        self.font = added

    def say(
        self, text: str, at: tuple[float, float], *, points: float = _TEXT_PT, width: float = 0, grey: int = _INK
    ) -> None:
        """Text whose upper left corner is at ``at``; made smaller until it is no wider than ``width``."""
        self.set_font("face", size=points)
        self._check_characters(text)
        if width and self.get_string_width(text) > width:
            points = max(points * width / self.get_string_width(text), _LEAST_PT)
            self.set_font("face", size=points)
        self.set_text_color(grey)
        self.set_xy(*at)
        self.cell(text=text)

    def _check_characters(self, text: str) -> None:
        missing = [character for character in text if ord(character) not in self.font.cmap]
        if missing:
            code = f"U+{ord(missing[0]):04X}"
            raise FaceUnprintable(f"字体里没有“{missing[0]}”（{code}）这个字，不能打印卡面；请更换字体")


def _front(page: _Face, contents: FaceContents) -> None:
    page.add_page()
    page.say("中华人民共和国社会保障卡", (_LEFT, 4.0), points=_TITLE_PT)
    page.say(contents.city_name, (_LEFT, 9.6), points=_SMALL_PT, grey=_QUIET)
    page.set_draw_color(_RULE)
    page.set_line_width(0.2)
    left, top, width, height = PORTRAIT_MM
    if contents.portrait_jpeg is None:
        page.rect(left, top, width, height)
        page.say("照片", (left + width / 2 - 2.6, top + height / 2 - 1.4), grey=_QUIET)
    else:
        page.image(BytesIO(contents.portrait_jpeg), left, top, width, height)
    lines = (
        ("姓名", contents.name),
        ("社会保障号码", contents.identity_number),
        ("卡号", contents.card_number),
        ("有效期限", f"{_day(contents.issued_on)} 至 {_day(contents.expires_on)}"),
    )
    for place, (label, value) in enumerate(lines):
        height_mm = 32.6 + 4.6 * place
        page.say(label, (_LEFT, height_mm + 0.5), points=_SMALL_PT, grey=_QUIET)
        page.say(value, (_LEFT + 14, height_mm), width=left - _LEFT - 16)
    page.say(contents.bank_name, (left, top + height + 4.0), width=_RIGHT - left)


def _back(page: _Face, contents: FaceContents) -> None:
    page.add_page()
    page.say(contents.bank_name, (_LEFT, 4.0), points=_TITLE_PT, width=_RIGHT - _LEFT)
    page.set_draw_color(_RULE)
    page.set_line_width(0.2)
    page.rect(_LEFT, 11.0, _RIGHT - _LEFT, 13.0)
    page.say("金融账户信息（由发卡银行印制）", (_LEFT + 2, 16.0), points=_SMALL_PT, grey=_QUIET)
    lines = (
        "持卡人须知",
        "1. 本卡仅限持卡人本人使用，不得出租、出借或转让。",
        "2. 社会保障功能启用后，原社会保障卡的社会保障功能同时终止。",
        "3. 金融功能须由本人持有效身份证件到发卡银行启用。",
        "4. 遗失请立即拨打 96102 预挂失，并在 10 日内办理正式挂失。",
        "社会保障咨询 12333　　挂失与一卡通服务 96102",
    )
    for place, line in enumerate(lines):
        page.say(line, (_LEFT, 27.5 + 3.8 * place), points=_SMALL_PT + (place == 0), width=_RIGHT - _LEFT)


def _font_path() -> Path:
    chosen = os.environ.get(FONT_VARIABLE, "")
    for path in (Path(chosen),) if chosen else _FONTS:
        if path.is_file():
            return path
    where = f"{FONT_VARIABLE} 指向的字体 {chosen} 不存在" if chosen else "没有找到中文字体"
    raise FaceUnprintable(f"{where}：请安装 fonts-noto-cjk，或把 {FONT_VARIABLE} 设为一个中文字体文件")


def _day(day: date) -> str:
    return f"{day:%Y.%m.%d}"
