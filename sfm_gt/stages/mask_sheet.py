"""The mask sheet of a clip: some frames with what is printed on them and what moves, as both are found before SfM.

It outlives the frames of a refused clip, so that the report can show why it was refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.frame_folder import read_frame
from sfm_gt.formats.overlay_folder import Overlay, covered
from sfm_gt.masks.epipolar_flow import EpipolarFlow
from sfm_gt.masks.regions import enlarge
from sfm_gt.report.contact_sheet import chosen
from sfm_gt.report.pictures import draw_masks, save_picture

N_FRAMES = 9


def write_mask_sheet(
    sheet: Path,
    frames_folder: Path,
    indices: Sequence[int],
    greys: Sequence[UInt8[np.ndarray, "h w"]],
    overlays: Sequence[Overlay],
) -> None:
    """Writes ``sheet/NNNNNN.jpg`` for evenly spread frames of a clip, masks tinted in the colours of the report.

    Args:
        frames_folder: the decoded frames.
        indices: of all of them, in the source video.
        greys: all of them, small: motion is judged there, without the margin that SfM leaves round it.
    """
    positions = chosen(len(indices), N_FRAMES)
    moving = EpipolarFlow(dilate_px=0).segment_at(greys, positions)
    with replacing_directory(sheet) as folder:
        for position, mask in zip(positions, moving, strict=True):
            image = read_frame(frames_folder, indices[position])
            height, width = image.shape[:2]
            printed = covered(overlays, indices[position], (height, width), 0)
            # Print stands still while the scene moves, and so breaks its epipolar geometry.
            moves = enlarge(mask, height, width) & ~printed
            save_picture(folder / f"{indices[position]:06d}.jpg", draw_masks(image, moves, printed, None))
