"""The printed face as a reader of PDF that is not ours sees it."""

from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PageObject, PdfReader

from yikatong.issuance.card_face import (
    CONTACTS_MM,
    FONT_VARIABLE,
    HEIGHT_MM,
    PORTRAIT_MM,
    WIDTH_MM,
    FaceContents,
    FaceUnprintable,
    face_pdf,
)

POINTS_PER_MM = 72 / 25.4
CONTENTS = FaceContents(
    name="测试员",
    identity_number="119901199003078515",
    card_number="J0000001X",
    bank_name="中国工商银行",
    city_name="北京市",
    issued_on=date(2026, 11, 24),
    expires_on=date(2036, 11, 23),
)


def _text(page: PageObject) -> str:
    """Its text; the reader leaves the first byte of each wide character standing."""
    return page.extract_text().replace("\0", "")


def _portrait() -> bytes:
    out = BytesIO()
    Image.new("RGB", (358, 441), (40, 90, 160)).save(out, "JPEG")
    return out.getvalue()


def test_two_pages_of_exactly_a_cards_size() -> None:
    pages = PdfReader(BytesIO(face_pdf(CONTENTS))).pages
    assert len(pages) == 2
    for page in pages:
        assert float(page.mediabox.width) / POINTS_PER_MM == pytest.approx(WIDTH_MM, abs=0.01)
        assert float(page.mediabox.height) / POINTS_PER_MM == pytest.approx(HEIGHT_MM, abs=0.01)


def test_the_front_says_whose_card_it_is_and_the_back_what_to_do() -> None:
    front, back = map(_text, PdfReader(BytesIO(face_pdf(CONTENTS))).pages)
    for said in (CONTENTS.name, CONTENTS.identity_number, CONTENTS.card_number, CONTENTS.bank_name, "2036.11.23"):
        assert said in front
    assert "96102" in back
    assert "12333" in back
    assert CONTENTS.name not in back


def test_without_a_portrait_its_frame_says_so() -> None:
    assert "照片" in _text(PdfReader(BytesIO(face_pdf(CONTENTS))).pages[0])
    with_portrait = PdfReader(BytesIO(face_pdf(replace(CONTENTS, portrait_jpeg=_portrait())))).pages[0]
    assert "照片" not in _text(with_portrait)
    assert [image.image.size for image in with_portrait.images if image.image] == [(358, 441)]


@pytest.mark.parametrize("name", ["長" * 25, "阿卜杜热西提·麦麦提依明江", "㐂𠮷", "王"])
def test_names_of_every_length_stay_whole_and_clear_of_the_portrait(name: str) -> None:
    page = PdfReader(BytesIO(face_pdf(replace(CONTENTS, name=name)))).pages[0]
    assert name in _text(page).replace("\n", "")
    sizes: dict[str, float] = {}

    def seen(text: str, _cm: object, _tm: object, _font: object, size: float) -> None:
        sizes[text.replace("\0", "").strip()] = size

    page.extract_text(visitor_text=seen)
    (size,) = (size for text, size in sizes.items() if text and text in name)
    assert 3.5 <= size <= 7.5
    assert len(name) * size / POINTS_PER_MM <= PORTRAIT_MM[0] - 19


def test_nothing_is_printed_under_the_contacts() -> None:
    left, top, width, height = CONTACTS_MM
    places: list[tuple[float, float]] = []

    def seen(text: str, _cm: object, tm: list[float], _font: object, _size: float) -> None:
        if text.strip():
            places.append((tm[4] / POINTS_PER_MM, HEIGHT_MM - tm[5] / POINTS_PER_MM))

    PdfReader(BytesIO(face_pdf(CONTENTS))).pages[0].extract_text(visitor_text=seen)
    assert places
    for x, baseline in places:
        ends_above, begins_below = baseline < top, baseline - 3 > top + height
        assert ends_above or begins_below or x > left + width
    assert PORTRAIT_MM[0] > left + width


@pytest.mark.parametrize("name", ["测\U0001f600试", "测\ue000"])
def test_a_character_the_font_has_not_is_told(name: str) -> None:
    with pytest.raises(FaceUnprintable, match=r"U\+"):
        face_pdf(replace(CONTENTS, name=name))


def test_a_missing_font_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FONT_VARIABLE, str(tmp_path / "none.ttf"))
    with pytest.raises(FaceUnprintable, match="fonts-noto-cjk"):
        face_pdf(CONTENTS)


def test_the_file_says_nothing_of_the_holder_but_on_its_pages() -> None:
    about = PdfReader(BytesIO(face_pdf(CONTENTS))).metadata
    assert about is not None
    assert not any(said in str(about) for said in (CONTENTS.name, CONTENTS.identity_number, CONTENTS.card_number))
