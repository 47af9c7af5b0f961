"""HAMMER (Jung et al. 2023), test scenes 12 to 14 with their objects, polarisation camera: glass, metal and textureless things.

    scene12_traj1_1/polarization/rgb/000000.png     1088x832
                                 _gt/000000.png     16 bit, millimetres, rendered from scanned meshes; 0 = none
                                 _pose/000000.txt   world_from_cam (4x4), metres
                                 intrinsics.txt     K (3x3)

Layout of the authors' _dataset_processed.zip (Junggy/HAMMER-dataset), which no page of theirs describes: units and frames are
those that loaders of its users agree on (PPFT, LingBot-Depth, UniDepth). Maps of the sensors (depth_d435, depth_l515,
depth_tof) are no ground truth and not read, nor are sequences without objects (``_naked_``). Sequences of a scene share its
objects, and ``video_id``.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import (
    camera_from_integer_centred,
    image_size,
    read_depth_png,
    read_image,
    read_matrix,
)

CONVENTIONS = Conventions((0.1, 6.0), (), "Camera Depth Models, LingBot-Depth: 0.1 to 6 m")
DEPTH_UNIT_M = 1e-3
_SEQUENCE = re.compile(r"(scene1[234])_traj\d+_\d+")


def _open(root: Path) -> Benchmark:
    frames = []
    for folder in sorted({*root.glob("scene*/polarization"), *root.glob("_dataset_processed/scene*/polarization")}):
        sequence = _SEQUENCE.fullmatch(folder.parent.name)
        if sequence is None:
            continue
        matrix = read_matrix(folder / "intrinsics.txt", 3, 3)
        for depth in sorted((folder / "_gt").glob("*.png")):
            image = folder / "rgb" / depth.name
            frames.append(BenchmarkFrame(
                sequence[0], sequence[1], int(depth.stem), None, camera_from_integer_centred(matrix, *image_size(image)),
                inverse_rigid(read_matrix(folder / "_pose" / f"{depth.stem}.txt", 4, 4)),
                partial(read_image, image), partial(read_depth_png, depth, DEPTH_UNIT_M),
            ))  # fmt: skip
    return Benchmark(
        "hammer", CONVENTIONS, frames, root, "scene12 to scene14 with polarization/{rgb,_gt,_pose,intrinsics.txt}"
    )


BENCHMARKS: dict[str, Reader] = {"hammer": _open}
