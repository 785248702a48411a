"""Finding faces in a picture: where they are, and where their eyes, nose, mouth and ears.

The detector is BlazeFace (short range), a small network made for pictures that people take of themselves: a few milliseconds on
one core, nothing leaves the machine. It says where a face is, never whose. The model file, its licence and its hash stand in
portal/static/vendor/VENDORED.toml.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

MODEL = Path(__file__).resolve().parent / "data" / "face_detection_short_range.tflite"
_SIDE = 128
_SCORE_MIN, _OVERLAP_MIN = 0.6, 0.3
_LOOK_AGAIN = 2.6
"""How much more than the first box the second, closer look takes in: the network is best when a face fills a third."""

type Floats = NDArray[np.floating]
type Octets = NDArray[np.uint8]
type Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """A face in pixels of the picture; ``left`` and ``right`` as seen by whoever looks at it."""

    score: float
    left: float
    top: float
    width: float
    height: float
    left_eye: Point
    right_eye: Point
    nose: Point
    mouth: Point
    left_ear: Point
    right_ear: Point

    @property
    def ear_to_ear(self) -> float:
        """How wide the face is."""
        return float(np.hypot(self.right_ear[0] - self.left_ear[0], self.right_ear[1] - self.left_ear[1]))


def find_faces(picture: Octets) -> list[Face]:
    """The faces in a picture (height × width × 3, RGB), the largest first."""
    found = [_looked_at_closely(picture, face) for face in _faces_in(picture)]
    return sorted(found, key=lambda face: -face.width)


def _looked_at_closely(picture: Octets, face: Face) -> Face:
    """The same face from a part of the picture that is mostly it; its points are then as exact as they get."""
    side = int(face.width * _LOOK_AGAIN)
    left, top = int(face.left + face.width / 2 - side / 2), int(face.top + face.height / 2 - side / 2)
    x, y = max(left, 0), max(top, 0)
    part = picture[y : top + side, x : left + side]
    again = _faces_in(part) if part.size else []
    return _moved(max(again, key=lambda one: one.width), x, y) if again else face


def _faces_in(picture: Octets) -> list[Face]:
    height, width = picture.shape[:2]
    side = max(height, width)
    x, y = (side - width) // 2, (side - height) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[y : y + height, x : x + width] = picture
    blob = cv2.dnn.blobFromImage(square, 1 / 127.5, (_SIDE, _SIDE), (127.5, 127.5, 127.5))
    boxes, scores = _run(blob)
    kept = scores >= _SCORE_MIN
    return [_moved(face, -x, -y) for face in _merged(boxes[kept] * side, scores[kept])]


def _run(blob: cv2.typing.MatLike) -> tuple[Floats, Floats]:
    """Boxes (n × 8 × 2: centre, size, six points; the square is 1 × 1) and scores."""
    lock, network = _network()
    with lock:
        network.setInput(blob)
        raw, said = network.forward(["regressors", "classificators"])
    boxes = raw.reshape(-1, 8, 2) / _SIDE
    boxes[:, 0] += _anchors()
    boxes[:, 2:] += _anchors()[:, None]
    return boxes, 1 / (1 + np.exp(-np.clip(said.reshape(-1), -80, 80)))


@cache
def _network() -> tuple[threading.Lock, cv2.dnn.Net]:
    """One network in a process, one thread in it at a time."""
    # the new engine of OpenCV 5.0 knows only one of the two outputs of this model
    return threading.Lock(), cv2.dnn.readNetFromTFLite(str(MODEL), cv2.dnn.ENGINE_CLASSIC)


@cache
def _anchors() -> Floats:
    """Where the network's 896 answers stand: two in each cell of a grid of 16, six in each of a grid of 8."""
    found = [
        ((x + 0.5) / grid, (y + 0.5) / grid)
        for grid, each in ((16, 2), (8, 6))
        for y in range(grid)
        for x in range(grid)
        for _ in range(each)
    ]
    return np.array(found, np.float32)


def _merged(boxes: Floats, scores: Floats) -> list[Face]:
    """Answers that overlap are one face; the mean of them, weighted by their scores, is steadier than the best alone."""
    left = list(np.argsort(-scores))
    faces = []
    while left:
        best = left[0]
        same = [one for one in left if _overlap(boxes[best], boxes[one]) > _OVERLAP_MIN]
        left = [one for one in left if one not in same]
        mean = np.average(boxes[same], axis=0, weights=scores[same])
        faces.append(_face(float(scores[best]), mean))
    return faces


def _overlap(one: Floats, other: Floats) -> float:
    low = np.maximum(one[0] - one[1] / 2, other[0] - other[1] / 2)
    high = np.minimum(one[0] + one[1] / 2, other[0] + other[1] / 2)
    common = float(np.prod(np.maximum(high - low, 0)))
    whole = float(np.prod(one[1]) + np.prod(other[1])) - common
    return common / whole if whole > 0 else 0.0


def _face(score: float, box: Floats) -> Face:
    (x, y), (width, height) = box[0].tolist(), box[1].tolist()
    points: Sequence[Point] = [(float(px), float(py)) for px, py in box[2:]]
    return Face(score, x - width / 2, y - height / 2, width, height, *points)


def _moved(face: Face, x: float, y: float) -> Face:
    points = (face.left_eye, face.right_eye, face.nose, face.mouth, face.left_ear, face.right_ear)
    moved = [(px + x, py + y) for px, py in points]
    return Face(face.score, face.left + x, face.top + y, face.width, face.height, *moved)
