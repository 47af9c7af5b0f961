"""Flow helpers: pairs by motion, the round trip, and one result whatever the number of threads."""

import cv2
import numpy as np
import pytest

from sfm_gt.imaging import flow
from sfm_gt.imaging.pools import in_parallel
from tests.video.make_videos import panning

FLOW_ERROR_PX = 0.15  # DIS on a clean shift


def greys(n: int, step_px: float) -> list[np.ndarray]:
    return flow.working_images(panning(n, step_px=step_px), 480)


def test_flow_of_a_shift_is_the_shift_and_leads_back() -> None:
    there, back = flow.flow_both_ways(greys(2, 4), 0, 1, 1.0)
    assert (there.source, there.target, back.source, back.target) == (0, 1, 1, 0)
    inner = (slice(20, -20), slice(20, -20))
    assert np.median(there.flow_px[inner][..., 0]) == pytest.approx(-4, abs=FLOW_ERROR_PX)
    assert there.followed[inner].mean() > 0.98
    assert back.followed[inner].mean() > 0.98
    assert not there.followed[:, :3].any()


def test_the_number_of_threads_changes_nothing() -> None:
    images, found = greys(4, 3), []
    for threads in (1, 4):
        cv2.setNumThreads(threads)
        found.append(
            [f.flow_px for f, _ in in_parallel(lambda i: flow.flow_both_ways(images, i, i + 1, 1.0), range(3), 2)]
        )
        assert cv2.getNumThreads() == threads
    cv2.setNumThreads(-1)
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


def test_results_come_in_order() -> None:
    assert list(in_parallel(lambda i: i * i, range(20), 2)) == [i * i for i in range(20)]


def test_motion_is_measured_in_pixels_of_the_images() -> None:
    motion = flow.median_motion_px(greys(4, 3))
    assert motion == pytest.approx([3, 3, 3, 0], abs=0.3)
