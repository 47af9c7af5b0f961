"""Faces are blurred where they are, whatever size the detector looked at. The detector stands in; what it finds is drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.provenance.faces import MARGIN, FaceBlur

WIDEST_MISSED_PX = 20  # the smallest face below is found because its picture is enlarged


class _FindsRed:
    """Calls the red part of a picture a face, where it is large enough to be found."""

    def setInputSize(self, size: tuple[int, int]) -> None:
        self._size = size

    def detect(self, bgr: np.ndarray) -> tuple[int, np.ndarray | None]:
        assert bgr.shape[1::-1] == self._size
        x, y, width, height = cv2.boundingRect(((bgr[..., 2] > 200) & (bgr[..., 1] < 50)).astype(np.uint8))
        found = [[x, y, width, height, *np.zeros(10), 0.9]] if width > WIDEST_MISSED_PX else None
        return 1, np.array(found, np.float32) if found else None


@pytest.fixture
def blur(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaceBlur:
    (tmp_path / "yunet.onnx").touch()
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: _FindsRed())
    return FaceBlur(tmp_path / "yunet.onnx")


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (1920, 1080)], ids=lambda size: f"{size[0]} x {size[1]}")
def test_the_face_goes_and_the_rest_stays(blur: FaceBlur, size: tuple[int, int]) -> None:
    width, height = size
    # Right and below of the middle, so that the place in an enlarged picture is no place in the picture itself.
    side = height // 15
    left, top = round(0.6 * width), round(0.6 * height)
    image = np.full((height, width, 3), 20, np.uint8)
    image[top : top + side, left : left + side] = (255, 0, 0)
    # What tells this face from others, in a channel that the detector hardly looks at.
    image[top : top + side, left : left + side, 1] = np.random.default_rng(0).integers(0, 40, (side, side))
    (box,) = blur.boxes(image)
    # Enlarging smears an edge over less than a pixel of the picture.
    assert box == pytest.approx([left, top, side, side], abs=1)
    result = blur.blur(image)
    assert result.n_faces == 1
    before, after = (picture[top : top + side, left : left + side, 1].std() for picture in (image, result.image))
    # Blocks of four pixels each way at least become one: a quarter is left of what differs from pixel to pixel.
    assert after < 0.5 * before
    margin = round(MARGIN * side) + 2
    kept = np.ones((height, width), bool)
    kept[top - margin : top + side + margin, left - margin : left + side + margin] = False
    np.testing.assert_array_equal(result.image[kept], image[kept])
