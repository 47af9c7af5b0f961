"""A plain folder of ground truth: a layout file says where image, depth, mask and intrinsics of every frame lie.

    image: "{clip}/rgb/{frame}.jpg"
    depth: "{clip}/depth/{frame}.png"           # 16-bit PNG, .npy or .npz
    unit_m: 0.001                               # metres of a stored 1
    key: depth                                  # of an .npz file with several arrays
    mask: "{clip}/mask/{frame}.png"             # optional; 0 = not scored
    intrinsics: "{clip}/intrinsics.txt"         # optional; 3 x 3, the centre of the first pixel at (0, 0), as in OpenCV
    gt_range_m: [0.001, 80]                     # GT outside is not scored

Paths are relative to the folder. Without ``{clip}`` the folder is one clip of its own name; clips are taken for independent
videos. ``{frame}`` is the frame index where it is a whole number in every file of the clip, else frames are counted from 0 in
the order of their names. Depth is z; 0 and what is not finite is no GT.
"""

from __future__ import annotations

import glob
import re
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.array_file import read_array
from sfm_gt.formats.validation import Number, validated
from sfm_gt.formats.yaml_text import read_yaml
from sfm_gt.geometry.conventions import valid_from_depth
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions
from sfm_gt.public_datasets.files import (
    camera_from_integer_centred,
    image_size,
    read_depth_png,
    read_image,
    read_mask,
    read_matrix,
)

Positive = Annotated[Number, Field(gt=0)]
Place = Annotated[str, Field(pattern=r"^(\{clip\}|\{frame\}|[^{}])+$")]
OfFrame = Annotated[Place, Field(pattern=r"\{frame\}")]


class Layout(BaseModel):
    """Content of a layout file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    image: OfFrame
    depth: OfFrame
    unit_m: Positive
    key: str | None = None
    mask: Place | None = None
    intrinsics: Place | None = None
    gt_range_m: tuple[Positive, Positive]

    @model_validator(mode="after")
    def _range_grows(self) -> Layout:
        if not self.gt_range_m[0] < self.gt_range_m[1]:
            raise ValueError(f"gt_range_m: found {list(self.gt_range_m)}, needed the smaller bound first")
        return self


def open_folder(path: Path, layout_file: Path) -> Benchmark:
    """Ground truth in a folder of one's own.

    Raises:
        ConfigError: the layout file cannot be used.
        InputError: no file of depth lies where it says.
    """
    layout = validated(Layout, read_yaml(layout_file, ConfigError), str(layout_file), ConfigError)
    pattern = layout.depth
    expression = re.escape(pattern).replace(r"\{clip\}", "(?P<clip>[^/]+)", 1).replace(r"\{clip\}", "(?P=clip)")
    expression = expression.replace(r"\{frame\}", "(?P<frame>[^/]+)", 1).replace(r"\{frame\}", "(?P=frame)")
    if Path(pattern).is_absolute():
        raise ConfigError(f"{layout_file}: depth = {pattern!r}: needed a path relative to --gt")
    names = re.sub(r"\\?\{(clip|frame)\\?\}", "*", glob.escape(pattern))
    matches = [re.fullmatch(expression, found.relative_to(path).as_posix()) for found in sorted(path.glob(names))]
    keys = sorted((match.groupdict().get("clip", ""), match["frame"]) for match in matches if match)
    frames = [
        frame
        for clip, of_clip in groupby(keys, key=lambda key: key[0])
        for frame in _frames(path, layout, clip, [name for _, name in of_clip])
    ]
    conventions = Conventions(layout.gt_range_m, (), str(layout_file))
    return Benchmark(path.resolve().name, conventions, frames, path, f"{pattern} of {layout_file}")


def _frames(root: Path, layout: Layout, clip: str, names: list[str]) -> list[BenchmarkFrame]:
    numbered = all(name.isdecimal() for name in names)
    clip_id, frames = clip or root.resolve().name, []
    for number, of_number in groupby(sorted(names, key=int), key=int) if numbered else ():
        if len(same := list(of_number)) > 1:
            raise InputError(
                f"{root}: {' and '.join(same[:2])} are both frame {number} of {clip_id}; rename one of them"
            )
    for position, name in enumerate(names):
        image, depth = (_at(root, place, clip, name) for place in (layout.image, layout.depth))
        mask = _at(root, layout.mask, clip, name) if layout.mask else None
        camera = None
        if layout.intrinsics:
            matrix = read_matrix(_at(root, layout.intrinsics, clip, name), 3, 3)
            if not (np.isfinite(matrix).all() and matrix[0, 0] > 0 < matrix[1, 1] and (matrix[2] == (0, 0, 1)).all()):
                raise InputError(f"{_at(root, layout.intrinsics, clip, name)}: is no matrix of intrinsics; needed fx 0 cx, "
                                 "0 fy cy, 0 0 1 by rows, in pixels")  # fmt: skip
            camera = camera_from_integer_centred(matrix, *image_size(image))
        frames.append(BenchmarkFrame(
            clip_id, clip_id, int(name) if numbered else position, None, camera, None, partial(read_image, image),
            partial(_read_depth, layout, depth, mask),
        ))  # fmt: skip
    return frames


def _at(root: Path, place: str, clip: str, name: str) -> Path:
    return root / place.format(clip=clip, frame=name)


def _read_depth(layout: Layout, path: Path, mask: Path | None) -> Float[np.ndarray, "h w"]:
    if path.suffix == ".png":
        depth = read_depth_png(path, layout.unit_m)
    else:
        stored = np.squeeze(read_array(path, layout.key if path.suffix == ".npz" else None))
        if stored.ndim != 2 or stored.dtype.kind not in "fiu":
            raise InputError(f"{path}: found {stored.dtype} of shape {stored.shape}, needed one map of numbers (H, W)")
        depth = stored.astype(np.float32) * np.float32(layout.unit_m)
    usable = valid_from_depth(depth)
    if mask is not None:
        scored = read_mask(mask)
        if scored.shape != depth.shape:
            raise InputError(f"{mask}: found shape {scored.shape}, needed that of the depth, {depth.shape}")
        usable &= scored
    return np.where(usable, depth, np.float32(np.nan))
