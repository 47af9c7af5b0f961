"""What is burned into the picture takes no part in the search for motion."""

from __future__ import annotations

import cv2
import numpy as np

from sfm_gt.formats.frame_folder import FrameList, FrameRecord
from sfm_gt.sfm.rest import Rest, find_rest
from tests.sfm import sliding

N_FRAMES, FPS = 14, 30
SIZE_PX, SPEED_PX = 60, 4
# The seam of the text is nearly all that flow can be wrong about on a plane.
AT_REST = 0.01


def credits_at(index: int) -> tuple[slice, slice]:
    """Rows and columns of text that scrolls down the picture, which no static point of the scene does."""
    return slice(20 + SPEED_PX * index, 20 + SPEED_PX * index + SIZE_PX), slice(130, 130 + SIZE_PX)


def judged(is_known: bool) -> Rest:
    text = cv2.resize(np.random.default_rng(5).integers(0, 256, (20, 20)).astype(np.uint8), (SIZE_PX, SIZE_PX))
    pictures = {sliding.name_of(index): sliding.frame(index) for index in range(N_FRAMES)}
    for index, picture in enumerate(pictures.values()):
        picture[credits_at(index)] = text

    def printed(index: int) -> np.ndarray:
        mask = np.zeros((sliding.HEIGHT, sliding.WIDTH), dtype=bool)
        mask[credits_at(index)] = is_known
        return mask

    records = tuple(FrameRecord(index, index / FPS, 1.0, True) for index in range(N_FRAMES))
    size = (sliding.WIDTH, sliding.HEIGHT)
    return find_rest(
        sliding.keyframe_model(range(N_FRAMES)), None, FrameList(*size, *size, records), pictures.__getitem__, printed
    )


def test_burned_in_text_that_scrolls_is_no_motion_of_the_scene() -> None:
    taken_for_motion = judged(is_known=False).motions[N_FRAMES // 2].moving
    assert taken_for_motion[credits_at(N_FRAMES // 2)].mean() > 0.5, "unknown text moves against the scene"
    motions = judged(is_known=True).motions
    assert max(motion.share for motion in motions.values()) < AT_REST
    assert not any(motion.known[credits_at(index)].any() for index, motion in motions.items()), "nothing is said of it"
