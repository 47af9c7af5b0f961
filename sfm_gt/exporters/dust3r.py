"""DUSt3R and MASt3R: the processed folder that their MegaDepth loader reads, with frame pairs by covisibility.

``<scene>/<subscene>/NNNNNN.{jpg,exr,npz}`` with ``intrinsics`` and ``cam2world`` in the npz, and ``all_metadata.npz`` with
``scenes``, ``images`` and ``pairs`` (scene, first image, second image, score). Pixel centres there are integers. Source:
dust3r/datasets/megadepth.py of naver/dust3r.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.exporters.shared.clip import ExportedClip, copy_image, name_of, static_depth
from sfm_gt.exporters.shared.covisibility import covisible_pairs
from sfm_gt.geometry.conventions import PIXEL_CENTRE, zero_from_nan
from sfm_gt.geometry.transforms import inverse_rigid

PAIR_TYPE = np.dtype([("scene_id", np.int64), ("im1_id", np.int64), ("im2_id", np.int64), ("score", np.float32)])


class Dust3rExporter:
    """A scene a split, a subscene a clip: ``<split>/<clip>/NNNNNN.*``."""

    VERSION = 2
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the scenes and the list of pairs into ``folder``."""
        images: list[str] = []
        pairs: list[tuple[int, int, int, float]] = []
        for scene, clip in enumerate(clips):
            first = len(images)
            depths = [static_depth(frame) for frame in clip.frames]
            for frame, depth in zip(clip.frames, depths, strict=True):
                _write_view(folder / clip.split / clip.clip_id, frame, depth)
                images.append(name_of(frame))
            pairs += [(scene, first + a, first + b, score) for a, b, score in covisible_pairs(clip.frames, depths)]
        scenes = np.array([f"{clip.split} {clip.clip_id}" for clip in clips])
        np.savez(folder / "all_metadata.npz", scenes=scenes, images=np.array(images),
                 pairs=np.array(pairs, dtype=PAIR_TYPE))  # fmt: skip
        return {"pairs": len(pairs)}


def _write_view(root: Path, frame: Any, depth: np.ndarray) -> None:
    import OpenEXR

    name = name_of(frame)
    copy_image(frame, root / f"{name}.jpg")
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"Y": zero_from_nan(depth)}) as file:
        file.write(str(root / f"{name}.exr"))
    intrinsics = frame.camera.matrix
    intrinsics[:2, 2] -= PIXEL_CENTRE
    np.savez(root / f"{name}.npz", intrinsics=intrinsics, cam2world=inverse_rigid(frame.cam_from_world))


PLUGIN = Dust3rExporter
