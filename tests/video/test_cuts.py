"""What is no change of size."""

from __future__ import annotations

import numpy as np

from sfm_gt.video.cuts import change_of_size, is_punch_in
from tests.video.make_videos import textured


def test_a_pattern_that_repeats_and_is_seen_once_afterwards_has_not_changed_its_size() -> None:
    # Every copy of the tile is matched to the one that is left: all points lead to one spot.
    tile = textured(3, 40, 40).mean(axis=2).astype(np.uint8)
    before, after = np.tile(tile, (4, 6)), textured(8, 160, 240).mean(axis=2).astype(np.uint8)
    after[80:120, 80:120] = tile
    assert change_of_size(before, after) is None
    assert not is_punch_in([before, before, after, after], 2)
