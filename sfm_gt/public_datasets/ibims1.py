"""iBims-1 (Koch et al. 2018), the raw core: 100 indoor images with laser depth.

    ibims1_core_raw/rgb/corridor_01.png             640x480
                    depth/corridor_01.png           16 bit; 65535 = 50 m, 0 = none
                    mask_invalid/corridor_01.png    0 = no depth
                    mask_transp/corridor_01.png     0 = transparent
                    calib/corridor_01.txt           "fx,fy,cx,cy"

Pixels of either mask have no depth, as in the data set's evaluation. Each image stands for itself.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import (
    camera_from_integer_centred,
    image_size,
    read_depth_png,
    read_image,
    read_mask,
    read_table,
)

CONVENTIONS = Conventions((1e-3, 50.0), (), "Koch et al. 2018: all of the masks; depth ends at 50 m")
DEPTH_UNIT_M = 50 / 65535


def _open(root: Path) -> Benchmark:
    core = root / "ibims1_core_raw" if (root / "ibims1_core_raw").is_dir() else root
    frames = []
    for depth in sorted((core / "depth").glob("*.png")):
        image = core / "rgb" / depth.name
        ((fx, fy, cx, cy),) = read_table(core / "calib" / f"{depth.stem}.txt", 4)[:1]
        camera = camera_from_integer_centred(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), *image_size(image))
        masks = [core / mask / depth.name for mask in ("mask_invalid", "mask_transp")]
        frames.append(BenchmarkFrame(depth.stem, depth.stem, 0, None, camera, None, partial(read_image, image),
                                     partial(_read_depth, depth, masks)))  # fmt: skip
    return Benchmark("ibims1", CONVENTIONS, frames, root, "ibims1_core_raw/{rgb,depth,mask_invalid,mask_transp,calib}")


def _read_depth(path: Path, masks: list[Path]) -> Float[np.ndarray, "h w"]:
    depth = read_depth_png(path, DEPTH_UNIT_M)
    for mask in masks:
        depth[~read_mask(mask)] = np.nan
    return depth


BENCHMARKS: dict[str, Reader] = {"ibims1": _open}
