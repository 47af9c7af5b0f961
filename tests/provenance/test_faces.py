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


class _FindsShading:
    """Finds its one face as long as that is brighter on one side than on the other: what six pixels across still show."""

    def setInputSize(self, size: tuple[int, int]) -> None:
        self._scale = size[0] / 640

    def detect(self, bgr: np.ndarray) -> tuple[int, np.ndarray | None]:
        x, y, side = (round(value * self._scale) for value in (200, 100, 60))
        face = bgr[y : y + side, x : x + side, 0].astype(float)
        if abs(face[:, side // 2 :].mean() - face[:, : side // 2].mean()) < 20:
            return 1, None
        return 1, np.array([[x, y, side, side, *np.zeros(10), 0.9]], np.float32)


def test_a_face_that_is_found_again_is_made_coarser_until_it_is_not(tmp_path, monkeypatch) -> None:
    (tmp_path / "yunet.onnx").touch()
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: _FindsShading())
    image = np.full((480, 640, 3), 90, np.uint8)
    image[100:160, 200:260] = np.linspace(0, 250, 60).astype(np.uint8)[None, :, None]
    result = FaceBlur(tmp_path / "yunet.onnx").blur(image)
    assert (result.n_faces, result.n_found_again) == (1, 0)
