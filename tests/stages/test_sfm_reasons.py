"""A clip that could not be joined is refused for what is behind it, where the tracks of the stage frames tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sfm_gt.config import FramesConfig, SfmConfig
from sfm_gt.errors import Rejected
from sfm_gt.formats.frame_folder import FrameList, FrameRecord, FrozenInterval
from sfm_gt.formats.sidecar import CameraHints
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import frames, sfm
from sfm_gt.stages.sfm import LITTLE_PARALLAX, _frozen_measures, _judged, _named
from tests.masks.scenes import film
from tests.sfm.synthetic import HEIGHT, WIDTH, adjusted, filmed, room, times_s, turning_path
from tests.video.make_videos import write_video


@pytest.mark.parametrize("reason", ["sfm_failed", "few_registered"])
def test_what_one_homography_explains_lacks_parallax(reason: str) -> None:
    verdict = Rejected(reason, "of 75 frames 20 are registered", 0.27, 0.8)
    assert _named(verdict, {"homography_share": LITTLE_PARALLAX + 0.05}).reason == "rotation_only"
    assert _named(verdict, {"homography_share": LITTLE_PARALLAX - 0.05}) is verdict


def test_other_verdicts_stay() -> None:
    verdict = Rejected("zoom", "the focal length changes", 0.1, 0.015)
    assert _named(verdict, {"homography_share": 0.99}) is verdict


@pytest.mark.parametrize(("growth", "reason"), [(0.0, "lens_distortion"), (0.06, "zoom")])
def test_a_zoom_is_not_named_by_the_pattern_that_it_leaves(growth: float, reason: str) -> None:
    """However small the pattern that is allowed, a focal length that grows by 6 % is behind it."""
    n_frames = 30
    zoom = (1.0 + growth * np.arange(n_frames) / n_frames).tolist()
    model = filmed(turning_path(n_frames), room(200), zoom=zoom)
    times = times_s(n_frames)
    records = tuple(FrameRecord(number, float(time), 100.0, True) for number, time in enumerate(times, start=1))
    listed = FrameList(WIDTH, HEIGHT, WIDTH, HEIGHT, records)
    interval = FrozenInterval(1, n_frames, dict.fromkeys(range(1, n_frames + 1), 1.0))
    with pytest.raises(Rejected) as verdict:
        _judged(model, adjusted(model, times, None), listed, interval, SfmConfig(max_systematic_error_px=1e-4))
    assert verdict.value.reason == reason
    assert verdict.value.measures["registered_frames"] == n_frames
    assert {"focal_px", "relative_depth_sigma", "residual_field_px", "focal_swing"} <= verdict.value.measures.keys()


def test_every_frame_of_a_clip_is_counted() -> None:
    interval = FrozenInterval(12, 15, dict.fromkeys((10, 11, 12, 13, 15, 16), 1.0))
    measures = _frozen_measures(interval, list(range(10, 20)))
    assert (measures["frames_not_at_rest"], measures["frames_not_registered"]) == (3, 4)


def test_a_slide_show_is_still(tmp_path: Path) -> None:
    """Five pictures of one place, filmed as five slides: enough to reconstruct, and still no take."""
    slides = [picture for picture in film(40).frames[::8] for _ in range(8)]
    path, workspace = write_video(tmp_path / "a.mkv", slides, codec="ffv1"), Workspace(tmp_path / "out")
    clip = {"clip_id": "a-000", "video_id": "a", "first_frame": 0, "last_frame": len(slides) - 1}
    assert frames.run(workspace, clip, path, FramesConfig()).ok
    manifest = sfm.run(workspace, "a-000", SfmConfig(), CameraHints(), 0, 1)
    assert (manifest.reason, manifest.threshold) == ("still_image", SfmConfig().min_frozen_frames)
    assert manifest.measured == 5
