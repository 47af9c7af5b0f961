"""DUSt3R and MASt3R: processed folders that their MegaDepth loaders read, with frame pairs by covisibility.

A root a split, since those loaders ignore ``split`` and read every pair of their root. In it
``<scene>/<subscene>/NNNNNN.{jpg,exr,npz}`` with ``intrinsics`` and ``cam2world`` in the npz, and ``all_metadata.npz`` with
``scenes``, ``images`` and ``pairs`` (scene, first image, second image, score). Pixel centres there are integers. What is named
exr is a TIFF of one float32 channel: the loaders insist on the name, OpenCV goes by the content, and its wheels no longer read
EXR from version 5 on. CUT3R's loader wants sets of 64 images in place of pairs, and reads none of this. Source:
dust3r/datasets/megadepth.py and dust3r/utils/image.py of naver/dust3r.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.datasets.frames import Frame
from sfm_gt.exporters.shared.clip import ExportedClip, copy_image, name_of, static_depth
from sfm_gt.exporters.shared.covisibility import covisible_pairs
from sfm_gt.geometry.conventions import PIXEL_CENTRE, zero_from_nan
from sfm_gt.geometry.transforms import inverse_rigid

PAIR_TYPE = np.dtype([("scene_id", np.int64), ("im1_id", np.int64), ("im2_id", np.int64), ("score", np.float32)])


class Dust3rExporter:
    """A root a split, a scene a video, a subscene a clip: ``<split>/<video>/<clip>/NNNNNN.*``."""

    VERSION = 3
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the roots into ``folder``; a split without clips has none."""
        by_split: dict[str, list[ExportedClip]] = defaultdict(list)
        for clip in clips:
            by_split[clip.split].append(clip)
        return {"pairs": {split: _write_root(folder / split, members) for split, members in by_split.items()}}


def _write_root(root: Path, clips: Sequence[ExportedClip]) -> int:
    """Writes the scenes and the list of their pairs, and returns how many pairs there are."""
    images: list[str] = []
    pairs: list[tuple[int, int, int, float]] = []
    scenes = [(clip.frames[0].video_id, clip.clip_id) for clip in clips]
    for scene, clip in enumerate(clips):
        first = len(images)
        depths = [static_depth(frame) for frame in clip.frames]
        for frame, depth in zip(clip.frames, depths, strict=True):
            _write_view(root.joinpath(*scenes[scene]), frame, depth)
            images.append(name_of(frame))
        pairs += [(scene, first + a, first + b, score) for a, b, score in covisible_pairs(clip.frames, depths)]
    np.savez(root / "all_metadata.npz", scenes=np.array([" ".join(scene) for scene in scenes]), images=np.array(images),
             pairs=np.array(pairs, dtype=PAIR_TYPE))  # fmt: skip
    return len(pairs)


def _write_view(root: Path, frame: Frame, depth: Float[np.ndarray, "h w"]) -> None:
    name = name_of(frame)
    copy_image(frame, root / f"{name}.jpg")
    written, content = cv2.imencode(".tiff", zero_from_nan(depth))
    assert written, "a float32 map is a TIFF"
    (root / f"{name}.exr").write_bytes(content.tobytes())
    intrinsics = frame.camera.matrix
    intrinsics[:2, 2] -= PIXEL_CENTRE
    np.savez(root / f"{name}.npz", intrinsics=intrinsics, cam2world=inverse_rigid(frame.cam_from_world))


PLUGIN = Dust3rExporter
