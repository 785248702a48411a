"""Where a code comes from: a text file, a camera's image, or standard input."""

import io
from pathlib import Path

import zxingcpp
from PIL import Image, UnidentifiedImageError

from yikatong.foundation.errors import YikatongError
from yikatong.wire.codes import PREFIX


class NothingRead(YikatongError):
    """There was no code to read."""


def code_from_text(path: Path) -> str:
    """The code in a text file. Raises ``NothingRead``."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NothingRead(f"no such file: {path}") from None
    except UnicodeDecodeError:
        raise NothingRead(f"{path} is not text; use --image for a picture") from None
    if not text:
        raise NothingRead(f"{path} is empty")
    return text


def code_from_image(source: Path | bytes) -> str:
    """The code in a picture that holds a QR code (PNG or JPEG). Raises ``NothingRead``."""
    name = str(source) if isinstance(source, Path) else "the image"
    try:
        image = Image.open(source if isinstance(source, Path) else io.BytesIO(source)).convert("L")
    except FileNotFoundError:
        raise NothingRead(f"no such file: {source!s}") from None
    except (UnidentifiedImageError, OSError) as error:
        raise NothingRead(f"{name} is not a picture that can be read: {error}") from error
    found = [code.text for code in zxingcpp.read_barcodes(image) if code.text]
    ours = [text for text in found if text.startswith(PREFIX)]
    if not found:
        raise NothingRead(f"no QR code found in {name}; hold the phone straight and closer")
    return (ours or found)[0]
