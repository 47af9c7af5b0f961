"""Crops that published protocols score in: part of the image, fixed by rows and columns.

| name | rows | columns | of |
|---|---|---|---|
| nyu_eigen | 45:471 | 41:601 | 480 x 640 images only |
| kitti_garg | .40810811 to .99189189 of H | .03594771 to .96405229 of W | any size |
| kitti_eigen | .3324324 to .91351351 of H | .03594771 to .96405229 of W | any size |
| kitti_garg_352x1216, kitti_eigen_352x1216 | the same of the part | the same | the bottom middle 352 x 1216 |
| scannet_border | 8:-8 | 11:-11 | any size |

BTS and Monodepth2 take the KITTI crops of the whole image, ZoeDepth and Marigold of the size that the benchmark cuts images to.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool

from sfm_gt.errors import InputError

CropName = Literal[
    "none", "nyu_eigen", "kitti_garg", "kitti_eigen", "kitti_garg_352x1216", "kitti_eigen_352x1216", "scannet_border"
]  # fmt: skip

_KITTI_COLUMNS = (0.03594771, 0.96405229)
_KITTI_ROWS = {"kitti_garg": (0.40810811, 0.99189189), "kitti_eigen": (0.3324324, 0.91351351)}
_KITTI_SIZE = (352, 1216)
_NYU_SIZE = (480, 640)


def crop_mask(name: CropName, height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """True inside the crop.

    Raises:
        InputError: the crop is made for another size of image.
    """
    inside = np.zeros((height, width), dtype=bool)
    rows, columns = _slices(name, height, width)
    inside[rows, columns] = True
    return inside


def _slices(name: CropName, height: int, width: int) -> tuple[slice, slice]:
    if name == "none":
        return slice(None), slice(None)
    if name == "scannet_border":
        return slice(8, -8), slice(11, -11)
    if name == "nyu_eigen":
        if (height, width) != _NYU_SIZE:
            raise InputError(
                f"crop nyu_eigen: found an image of {width}x{height} px, needed 640x480; use another crop or protocol"
            )
        return slice(45, 471), slice(41, 601)
    whole = name in _KITTI_ROWS
    if not whole and (height < _KITTI_SIZE[0] or width < _KITTI_SIZE[1]):
        raise InputError(
            f"crop {name}: found an image of {width}x{height} px, needed at least 1216x352; use another crop"
        )
    part_height, part_width = (height, width) if whole else _KITTI_SIZE
    above, beside = height - part_height, (width - part_width) // 2
    (top, bottom), (left, right) = _KITTI_ROWS[name.removesuffix("_352x1216")], _KITTI_COLUMNS
    return (
        slice(above + int(top * part_height), above + int(bottom * part_height)),
        slice(beside + int(left * part_width), beside + int(right * part_width)),
    )
