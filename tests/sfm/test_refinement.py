"""Observations are moved to where they match their reference view, however the detector placed them."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.sfm.refinement import refine_observations
from tests.sfm.sliding import frame, keyframe_model, name_of, named_frame, positions

KEYFRAMES = (0, 3, 6)
REFERENCE = 3  # the middle keyframe
DETECTOR_ERROR_PX = 0.4
# A shift of a textured patch is matched to a few hundredths of a pixel: images are rounded to grey levels, half of them lie
# between pixels and are interpolated. Detected positions err by ten times as much.
MATCH_ERROR_PX = 0.05


def test_positions_agree_with_the_reference_view() -> None:
    model = keyframe_model(KEYFRAMES, DETECTOR_ERROR_PX)
    detected = {image.name: np.array([point.xy for point in image.points2D]) for image in model.images.values()}
    refine_observations(model, named_frame, {name_of(index) for index in KEYFRAMES})
    refined = {image.name: np.array([point.xy for point in image.points2D]) for image in model.images.values()}
    reference = refined[name_of(REFERENCE)]
    assert reference == pytest.approx(detected[name_of(REFERENCE)], abs=0), "the reference stays"
    for index in (0, 6):
        # Whatever the detector's error in the reference, the others show the same place of the wall.
        expected = reference + positions(index) - positions(REFERENCE)
        assert np.abs(detected[name_of(index)] - expected).max() > 10 * MATCH_ERROR_PX
        assert np.abs(refined[name_of(index)] - expected).max() < MATCH_ERROR_PX


def test_what_matches_nowhere_keeps_its_detected_position() -> None:
    model = keyframe_model(KEYFRAMES, DETECTOR_ERROR_PX)
    before = [point.xy.tolist() for image in model.images.values() for point in image.points2D]
    refine_observations(
        model, lambda name: frame(0) if name == name_of(REFERENCE) else 255 - frame(40), {name_of(REFERENCE)}
    )
    after = [point.xy.tolist() for image in model.images.values() for point in image.points2D]
    # Between pictures that have nothing in common a patch may chance to match there and back, not one in ten does.
    assert np.mean([a == b for a, b in zip(after, before, strict=True)]) > 0.9


def test_positions_are_the_same_on_any_number_of_threads() -> None:
    alone, together = (keyframe_model(KEYFRAMES, DETECTOR_ERROR_PX) for _ in range(2))
    for model, n_threads in ((alone, 1), (together, 3)):
        refine_observations(model, named_frame, {name_of(index) for index in KEYFRAMES}, n_threads)
    for image_id, image in alone.images.items():
        others = together.images[image_id].points2D
        assert [point.xy.tolist() for point in image.points2D] == [point.xy.tolist() for point in others]
