"""DA-2K (Yang et al. 2024, Depth Anything V2): pairs of points of which one is nearer, in scenes of eight kinds; no depth.

    DA-2K/annotations.json      image -> [{"point1": [row, column], "point2": [row, column], "closer_point": "point1"}, ...]
          images/indoor/*.jpg   as the annotations name them

Source: DA-2K.md of the authors' repository (DepthAnything/Depth-Anything-V2). Clips are the kinds of scenes, by the folder of
an image; ``frame_index`` counts the images of a clip by name, and each stands for itself. ``nearer_farther`` holds the pairs;
``z_depth_m`` is NaN everywhere.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sfm_gt.errors import InputError
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import image_size, read_image, read_json

CONVENTIONS = Conventions(
    (1e-3, math.inf), (), "Yang et al. 2024: share of pairs in the right order; there is no depth"
)
POINTS = ("point1", "point2")


def _open(root: Path) -> Benchmark:
    places = (root / "annotations.json", root / "DA-2K" / "annotations.json")
    file = next((place for place in places if place.is_file()), places[0])
    frames, counted = [], Counter[str]()
    for name, pairs in sorted(read_json(file).items()):
        image, kind = file.parent / name, Path(name).parent.name
        width, height = image_size(image)
        frames.append(BenchmarkFrame(
            kind, f"{kind}_{image.stem}", counted[kind], None, None, None, partial(read_image, image),
            partial(_no_depth, height, width), nearer_farther=_pairs(file, name, pairs, width, height),
        ))  # fmt: skip
        counted[kind] += 1
    return Benchmark("da2k", CONVENTIONS, frames, root, "annotations.json with images and their pairs")


def _pairs(file: Path, name: str, pairs: list[dict[str, Any]], width: int, height: int) -> Int[np.ndarray, "pairs 2 2"]:
    try:
        nearer = [POINTS.index(pair["closer_point"]) for pair in pairs]
        ends = [[pair[POINTS[i]], pair[POINTS[1 - i]]] for i, pair in zip(nearer, pairs, strict=True)]
        found = np.array(ends).reshape(-1, 2, 2)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file}: {name}: no pairs of point1, point2 and closer_point ({error}); download it again"
        ) from None
    if found.dtype.kind != "i" or (found < 0).any() or (found >= (height, width)).any():
        raise InputError(
            f"{file}: {name}: a point is no pixel (row, column) of its {width}x{height} px; download both again"
        )
    return found


def _no_depth(height: int, width: int) -> Float[np.ndarray, "h w"]:
    return np.full((height, width), np.nan, dtype=np.float32)


BENCHMARKS: dict[str, Reader] = {"da2k": _open}
