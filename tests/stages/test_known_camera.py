"""What the sidecar says of the camera, as SfM gets it: in pixels of the frames, a guess or kept."""

from __future__ import annotations

import pytest

from sfm_gt.errors import Rejected
from sfm_gt.formats.frame_folder import FrameList
from sfm_gt.formats.sidecar import CameraHints
from sfm_gt.stages.sfm import _known_camera

HALVED = FrameList(width=640, height=360, source_width=1280, source_height=720, frames=())


def test_a_focal_length_is_a_guess_in_pixels_of_the_frames():
    known = _known_camera(CameraHints(focal_px=1050), HALVED)
    assert known.model == "SIMPLE_RADIAL"
    assert known.params == pytest.approx((525, 320, 180, 0))
    assert not known.fixed


def test_a_calibrated_camera_is_kept():
    known = _known_camera(CameraHints(intrinsics_px=(1050, 1060, 650, 350)), HALVED)
    assert known.model == "PINHOLE"
    assert known.params == pytest.approx((525, 530, 325, 175))
    assert known.fixed
    assert _known_camera(CameraHints(), HALVED) is None


@pytest.mark.parametrize("camera", [{"focal_px": 40000}, {"intrinsics_px": (105, 106, 650, 350)}])
def test_a_camera_that_cannot_be_is_named_with_what_was_stated(camera):
    with pytest.raises(
        Rejected, match=r"states a focal length of \d+ px, .* long side \(1280 px\); plausible are 0.3 to 4"
    ) as told:
        _known_camera(CameraHints(**camera), HALVED)
    assert told.value.reason == "implausible_focal"
