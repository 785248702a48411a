"""Photographs: what is taken, what is refused with what to do, and what is left of a file."""

import random
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from tests.cast import CLERK, NOON, make_person
from tests.smartcard.makers import CONTENTS, HISTORICAL, made_card
from yikatong.issuance.models import Portrait
from yikatong.issuance.portraits import (
    HEIGHT,
    UPLOAD_MAX,
    WIDTH,
    PortraitWrong,
    chip_portrait,
    chip_portrait_of,
    keep_portrait,
    portrait_jpeg,
    portrait_of,
)
from yikatong.smartcard.ssse_layout import ItemWrong
from yikatong.smartcard.third_generation import PORTRAIT_MAX, social_groupings

RNG = random.Random(20261124)


def _file(size: tuple[int, int] = (716, 882), form: str = "JPEG", *, noise: bool = False, **options: object) -> bytes:
    picture = Image.new("RGB", size, (200, 210, 220))
    if noise:
        picture = Image.frombytes("RGB", size, RNG.randbytes(size[0] * size[1] * 3))
    out = BytesIO()
    picture.save(out, form, **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(358, 441), (716, 882), (1200, 1600), (441, 441)])
def test_a_picture_becomes_the_portrait(form: str, size: tuple[int, int]) -> None:
    kept = Image.open(BytesIO(portrait_jpeg(_file(size, form))))
    assert (kept.format, kept.size, kept.mode) == ("JPEG", (WIDTH, HEIGHT), "RGB")


def test_a_picture_taken_sideways_is_turned_and_loses_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SECRETCAMERA"
    octets = _file((882, 716), exif=exif)
    assert b"SECRETCAMERA" in octets
    kept = portrait_jpeg(octets)
    assert Image.open(BytesIO(kept)).size == (WIDTH, HEIGHT)
    assert b"SECRETCAMERA" not in kept


def test_what_hides_behind_a_picture_is_not_kept() -> None:
    assert b"<script>" not in portrait_jpeg(_file() + b"<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (lambda: b"", "JPEG 或 PNG"),
        (lambda: b"%PDF-1.7", "JPEG 或 PNG"),
        (lambda: _file()[:2000], "JPEG 或 PNG"),
        (lambda: _file(form="GIF"), "JPEG 或 PNG"),
        (lambda: _file((200, 246)), "太小"),
        (lambda: _file((357, 441)), "太小"),
        (lambda: _file((900, 600)), "宽高比例"),
        (lambda: _file((400, 1200)), "宽高比例"),
        (lambda: _file((9000, 9000), "PNG"), "像素太多"),
        (lambda: _file((20000, 20000), "PNG"), "JPEG 或 PNG"),
        (lambda: b"\xff\xd8" + bytes(UPLOAD_MAX), "超过"),
    ],
)
def test_what_is_no_portrait_is_told_with_what_to_do(octets: Callable[[], bytes], says: str) -> None:
    with pytest.raises(PortraitWrong, match=says):
        portrait_jpeg(octets())


@pytest.mark.parametrize("noise", [False, True])
def test_the_chips_picture_fits_its_file_however_busy_it_is(noise: bool) -> None:
    small = chip_portrait(portrait_jpeg(_file(noise=noise)))
    assert len(small) <= PORTRAIT_MAX
    picture = Image.open(BytesIO(small))
    assert picture.width >= 90
    assert abs(picture.width / picture.height - WIDTH / HEIGHT) < 0.02


def test_the_picture_lies_in_the_cards_file() -> None:
    small = chip_portrait(portrait_jpeg(_file()))
    card = made_card(contents=replace(CONTENTS, portrait_jpeg=small))
    kept = card.memory["SSSE/EF08"]
    assert len(kept) == PORTRAIT_MAX
    assert kept.startswith(small)
    assert Image.open(BytesIO(kept)).size
    with pytest.raises(ItemWrong, match="照片"):
        social_groupings(replace(CONTENTS, portrait_jpeg=bytes(PORTRAIT_MAX + 1)), HISTORICAL)


@pytest.mark.django_db
def test_a_photograph_is_kept_sealed_and_the_last_one_counts() -> None:
    person = make_person(1)
    assert portrait_of(person.person_id) is None
    for size in ((716, 882), (358, 441)):
        keep_portrait(person.person_id, _file(size), by=CLERK, at=NOON)
    kept = portrait_of(person.person_id)
    assert kept == portrait_jpeg(_file((358, 441)))
    assert b"JFIF" not in bytes(Portrait.objects.get().jpeg_sealed)
    assert chip_portrait_of(person.person_id) == chip_portrait(kept)
    assert chip_portrait_of(person.person_id + 1) == b""
    with pytest.raises(PortraitWrong):
        keep_portrait(person.person_id, b"no picture", by=CLERK, at=NOON)
    assert portrait_of(person.person_id) == kept
