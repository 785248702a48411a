"""A resident's own photograph: decoded safely, looked at, and cut to the card's size; or told what is wrong with it.

Whatever comes is decoded and encoded anew, so nothing but the picture goes on: no place, no camera, no file hidden behind it. The
rules are in ``portrait_rules``; keeping it is the business of ``portraits``.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import cast

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from yikatong.foundation.errors import YikatongError
from yikatong.issuance import portrait_rules as rules
from yikatong.issuance.faces import Face, Octets, find_faces
from yikatong.issuance.portrait_rules import Cut, Fault, Measured

UPLOAD_MAX = 10 * 2**20
PIXELS_MAX, PIXELS_MAX_WHOLE = 50_000_000, 25_000_000
"""The second for what must be decoded at its full size, which a JPEG need not: 75 MB of memory at most."""
_FORMATS = ("JPEG", "PNG", "WEBP")
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1", b"heif", b"avif"}
_WORKED_ON = 2000
"""Longest side in pixels that is looked at and cut from: three times what the card shows."""
_BESIDE, _MOST = 0.12, 75
"""How much of the cut's width, on each side, is beside the head; percent of it that must be alike, as hair may reach in."""
_SECOND_FACE = 0.35
"""From what part of the first one's width another face is somebody in the picture, not a picture on the wall."""


class PhotoRefused(YikatongError):
    """A photograph that cannot be used, with every reason."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(", ".join(faults))


@dataclass(frozen=True, slots=True)
class CheckedPhoto:
    """``jpeg``: 358 × 441. ``faults``: what speaks against it and can be insisted on; empty when all is well."""

    jpeg: bytes
    faults: tuple[Fault, ...]


def checked_photo(octets: bytes) -> CheckedPhoto:
    """Raises ``PhotoRefused`` for what cannot be used whatever its owner says."""
    picture = _decoded(octets)
    pixels = cast(Octets, np.asarray(picture))
    faces = find_faces(pixels)
    if not faces:
        raise PhotoRefused([Fault.NO_FACE])
    if any(other.width > faces[0].width * _SECOND_FACE for other in faces[1:]):
        raise PhotoRefused([Fault.SEVERAL_FACES])
    face = faces[0]
    cut = rules.cut_for(picture.size, eyes=_between(face), face_width=_face_width(face))
    if isinstance(cut, Fault):
        raise PhotoRefused([cut])
    box = (cut.left, cut.top, cut.left + cut.width, cut.top + cut.height)
    portrait = picture.resize((rules.WIDTH, rules.HEIGHT), Image.Resampling.LANCZOS, box=box)
    out = BytesIO()
    portrait.save(out, "JPEG", quality=90, optimize=True)
    return CheckedPhoto(out.getvalue(), tuple(rules.faults_of(_measured(portrait, face, cut))))


def _decoded(octets: bytes) -> Image.Image:
    if len(octets) > UPLOAD_MAX:
        raise PhotoRefused([Fault.TOO_LARGE])
    if octets[4:8] == b"ftyp" and octets[8:12] in _HEIC_BRANDS:
        raise PhotoRefused([Fault.HEIC])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(BytesIO(octets), formats=_FORMATS)
            most = PIXELS_MAX if picture.format == "JPEG" else PIXELS_MAX_WHOLE
            if picture.width * picture.height > most:
                raise PhotoRefused([Fault.TOO_MANY_PIXELS])
            if min(picture.size) < rules.WIDTH or max(picture.size) < rules.HEIGHT:
                raise PhotoRefused([Fault.TOO_FEW_PIXELS])
            picture.draft("RGB", (_WORKED_ON, _WORKED_ON))  # a JPEG is then never decoded at its full size
            upright = _on_white(ImageOps.exif_transpose(picture))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise PhotoRefused([Fault.TOO_MANY_PIXELS]) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, MemoryError, Warning) as error:
        raise PhotoRefused([Fault.NOT_A_PICTURE]) from error
    upright.thumbnail((_WORKED_ON, _WORKED_ON), Image.Resampling.LANCZOS)
    return upright


def _on_white(picture: Image.Image) -> Image.Image:
    """Without transparency: what is seen through is white, as paper is."""
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(ground, seen).convert("RGB")
    return picture.convert("RGB")


def _between(face: Face) -> tuple[float, float]:
    return (face.left_eye[0] + face.right_eye[0]) / 2, (face.left_eye[1] + face.right_eye[1]) / 2


def _face_width(face: Face) -> float:
    """From ear to ear; the box steadies it where hair or a turned head hides an ear."""
    return (face.ear_to_ear + face.width) / 2


def _measured(portrait: Image.Image, face: Face, cut: Cut) -> Measured:
    across, down = face.right_eye[0] - face.left_eye[0], face.right_eye[1] - face.left_eye[1]
    along = ((face.nose[0] - face.left_eye[0]) * across + (face.nose[1] - face.left_eye[1]) * down) / np.hypot(
        across, down
    )
    to_left, to_right = max(float(along), 1.0), max(float(np.hypot(across, down) - along), 1.0)
    grey = cast(Octets, np.asarray(portrait.convert("L")))
    skin = _part(grey, face, cut)
    half = skin.shape[1] // 2
    ground = _beside(portrait, face, cut).reshape(-1, 3).astype(np.float64)
    usual = np.median(ground, axis=0)
    return Measured(
        tilt_degrees=float(np.degrees(np.arctan2(down, across))),
        turn=max(to_left / to_right, to_right / to_left),
        light=float(skin.mean()),
        glare_part=float((skin >= 250).mean()),
        unevenness=float(abs(skin[:, :half].mean() - skin[:, half:].mean())),
        sharpness=float(cv2.Laplacian(skin, cv2.CV_64F).var()),
        ground_spread=float(np.percentile(np.linalg.norm(ground - usual, axis=1), _MOST)),
        ground_light=float(usual.mean()),
        ground_colour=float(np.ptp(usual)),
    )


def _part(grey: Octets, face: Face, cut: Cut) -> Octets:
    """The face alone, from above the eyes to the mouth: no hair, no ground."""
    scale = rules.WIDTH / cut.width
    eye_to_eye = face.right_eye[0] - face.left_eye[0]
    left, right = (face.left_eye[0] - 0.3 * eye_to_eye), (face.right_eye[0] + 0.3 * eye_to_eye)
    top, bottom = _between(face)[1] - 0.4 * eye_to_eye, face.mouth[1] + 0.2 * eye_to_eye
    x0, x1 = (int((x - cut.left) * scale) for x in (left, right))
    y0, y1 = (int((y - cut.top) * scale) for y in (top, bottom))
    part = grey[max(y0, 0) : max(y1, y0 + 8), max(x0, 0) : max(x1, x0 + 8)]
    return part if part.size else grey


def _beside(portrait: Image.Image, face: Face, cut: Cut) -> Octets:
    """Two strips left and right of the head, from the upper edge to the mouth."""
    pixels = cast(Octets, np.asarray(portrait))
    bottom = int((face.mouth[1] - cut.top) * rules.HEIGHT / cut.height)
    strip = int(rules.WIDTH * _BESIDE)
    upper = pixels[: max(bottom, strip)]
    return np.concatenate([upper[:, :strip], upper[:, -strip:]], axis=1)
