"""The mask sheet of a clip: some frames with their overlays and, once it is reconstructed, what moves.

It outlives the frames of a refused clip, so that the report can show why it was refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.frame_folder import read_frame
from sfm_gt.formats.overlay_folder import Overlay, covered
from sfm_gt.imaging.regions import enlarge
from sfm_gt.report.contact_sheet import chosen
from sfm_gt.report.pictures import draw_masks, save_picture

N_FRAMES = 9


def write_mask_sheet(
    sheet: Path,
    frames_folder: Path,
    indices: Sequence[int],
    overlays: Sequence[Overlay],
    moving: Mapping[int, Bool[np.ndarray, "h w"]],
) -> None:
    """Writes ``sheet/NNNNNN.jpg`` for evenly spread frames of a clip, masks tinted in the colours of the report.

    Args:
        frames_folder: the decoded frames.
        indices: of all of them, in the source video.
        moving: what moves, on frames as filmed or smaller, where it is known.
    """
    with replacing_directory(sheet) as folder:
        for position in chosen(len(indices), N_FRAMES):
            index = indices[position]
            image = read_frame(frames_folder, index)
            height, width = image.shape[:2]
            printed = covered(overlays, index, (height, width), 0)
            moves = enlarge(moving[index], height, width) if index in moving else np.zeros((height, width), dtype=bool)
            save_picture(folder / f"{index:06d}.jpg", draw_masks(image, moves & ~printed, printed, None))
