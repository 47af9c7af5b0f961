"""Virtual KITTI 2 (Cabon et al. 2020).

    Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg
                  frames/depth/Camera_0/depth_00000.png    16 bit, centimetres; 65535 = sky
                  intrinsic.txt    a header, then "frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]" a line
                  extrinsic.txt    a header, then "frame cameraID" and cam_from_world (4x4), row by row

Both cameras and all variations (clone, fog, …) are read; frames of one scene share ``video_id``, since they show one drive.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import (
    camera_from_integer_centred,
    image_size,
    read_depth_png,
    read_image,
    read_table,
)

CONVENTIONS = Conventions((1e-3, 80.0), (), "Depth Anything v2 (metric, outdoors): cap 80 m")
DEPTH_UNIT_M = 0.01
SKY = 65535


def _open(root: Path) -> Benchmark:
    frames = []
    for variation in sorted(path.parent for path in root.glob("Scene*/*/frames")):
        scene = variation.parent.name
        intrinsics, extrinsics = _table(variation / "intrinsic.txt", 4), _table(variation / "extrinsic.txt", 16)
        for depth in sorted(variation.glob("frames/depth/Camera_*/depth_*.png")):
            side, number = depth.parent.name.removeprefix("Camera_"), depth.stem.removeprefix("depth_")
            image = variation / "frames" / "rgb" / depth.parent.name / f"rgb_{number}.jpg"
            key = (int(number), int(side))
            if key not in intrinsics or key not in extrinsics:
                raise InputError(f"{variation}: intrinsic.txt and extrinsic.txt lack frame {number} of camera {side}")
            fx, fy, cx, cy = intrinsics[key]
            matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
            camera = camera_from_integer_centred(matrix, *image_size(image))
            frames.append(BenchmarkFrame(
                f"{scene}_{variation.name}_{side}", scene, int(number), None, camera, extrinsics[key].reshape(4, 4),
                partial(read_image, image), partial(read_depth_png, depth, DEPTH_UNIT_M, SKY),
            ))  # fmt: skip
    return Benchmark(
        "vkitti2", CONVENTIONS, frames, root, "Scene*/<variation>/frames/{rgb,depth}, intrinsic.txt, extrinsic.txt"
    )


def _table(path: Path, columns: int) -> dict[tuple[int, int], Float[np.ndarray, " n"]]:
    """The numbers of each line by frame and camera."""
    rows = read_table(path, 2 + columns, skip=1)
    return {(int(row[0]), int(row[1])): row[2:] for row in rows}


BENCHMARKS: dict[str, Reader] = {"vkitti2": _open}
