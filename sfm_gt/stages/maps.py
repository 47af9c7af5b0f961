"""Maps: images, depth, sigma and masks of one clip as they are published, in a unit that no scale moves.

The data set takes these files as they are and says how long their unit is, so that another scale writes no map again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sfm_gt.config import DatasetConfig
from sfm_gt.errors import Rejected
from sfm_gt.formats.dataset_layout import LAYERS, PROBABILITY_STEPS, depth_units, quantised
from sfm_gt.formats.dense_maps import frames_with_maps, read_dense_maps, rounded
from sfm_gt.formats.manifest import Manifest, write_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.sfm.clip_views import ClipViews, read_mask, write_mask
from sfm_gt.stages.moving import PERSON_FOLDER
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.versions import VERSIONS

STAGE = "maps"
VERSION = VERSIONS[STAGE]
ROWS_JSON = "rows.json"
# Of the published depth: a rounding error of 0.012 % at most, a twentieth of its usual sigma, takes a tenth of its file.
DEPTH_BITS = 12


def run(
    workspace: Workspace, clip_id: str, config: DatasetConfig, written: Callable[[int], None] = lambda frame_index: None
) -> Manifest:
    """Writes ``work/clips/<clip>/maps/``: a folder a layer, and ``rows.json`` with what is known of each frame.

    Args:
        written: called with the index of each frame whose maps are complete, so that what they were made of can go.

    Ends in the verdict ``too_little_depth`` where no frame has enough of it.
    """
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, ("frames", "sfm", "dense", "moving", "clean"),
        lambda folder: _build(folder, workspace, clip_id, config, written),
    )  # fmt: skip


def _build(
    folder: Path, workspace: Workspace, clip_id: str, config: DatasetConfig, written: Callable[[int], None]
) -> dict[str, Any]:
    layers = _Layers(workspace, clip_id, config)
    kept, dropped = layers.choose_frames()
    if not kept:
        raise Rejected("too_little_depth", f"no frame has {100 * config.min_valid:.0f} % valid depth (dataset.min_valid); "
                       "the scene needs more texture or more parallax", layers.best_fraction, config.min_valid)  # fmt: skip
    depth_unit, sigma_unit = depth_units(layers.max_depth)
    rows = []
    for frame_index in kept:
        rows.append(layers.write(folder, frame_index, depth_unit, sigma_unit))
        written(frame_index)
    write_json(folder / ROWS_JSON, {"depth_unit_sfm": depth_unit, "sigma_unit_sfm": sigma_unit, "rows": rows})
    return {"frames": len(kept), "dropped_frames": len(dropped), "mean_valid_fraction":
            sum(row["valid_fraction"] for row in rows) / len(rows)}  # fmt: skip


class _Layers:
    """Depth, its uncertainty and masks of a clip's frames, joined from the stages."""

    def __init__(self, workspace: Workspace, clip_id: str, config: DatasetConfig):
        self._dense = workspace.clip_stage(clip_id, "dense")
        self._moving = workspace.clip_stage(clip_id, "moving")
        self._clean = workspace.clip_stage(clip_id, "clean")
        self._views, self._config = ClipViews(workspace, clip_id), config
        self.max_depth = self.best_fraction = 0.0

    @property
    def has_person(self) -> bool:
        """Whether somebody looked for people."""
        return (self._moving / PERSON_FOLDER).is_dir()

    def _read(self, frame_index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Depth and sigma in SfM units and outlier probability, NaN where not valid, and the moving mask."""
        moving = read_mask(self._moving / f"{frame_index:06d}.png")
        maps = read_dense_maps(self._dense, frame_index, "z_depth_sfm", "sigma_sfm", "outlier")
        valid = ~read_mask(self._clean / f"{frame_index:06d}.png")
        valid &= self._views.undistortion_of(frame_index).inside & ~self._views.near_overlay(frame_index) & ~moving
        depth, sigma, outlier = (np.where(valid, each, np.nan) for each in maps)
        return depth, sigma, outlier, moving

    def choose_frames(self) -> tuple[list[int], list[int]]:
        """Frames with enough valid depth and those without."""
        kept, dropped = [], []
        for frame_index in frames_with_maps(self._dense):
            depth, *_ = self._read(frame_index)
            fraction = self._views.share_of_picture(np.isfinite(depth), frame_index)
            self.best_fraction = max(self.best_fraction, fraction)
            if fraction >= self._config.min_valid:
                kept.append(frame_index)
                self.max_depth = max(self.max_depth, float(np.nanmax(depth)))
            else:
                dropped.append(frame_index)
        return kept, dropped

    def write(self, folder: Path, frame_index: int, depth_unit: float, sigma_unit: float) -> dict[str, Any]:
        """Writes the layers of one frame; those columns of its row in the index that no scale moves."""
        depth, sigma, outlier, moving = self._read(frame_index)
        view = self._views.view(frame_index)
        arrays = {"image": cv2.cvtColor(view.image, cv2.COLOR_RGB2BGR),
                  "depth": quantised(rounded(depth, DEPTH_BITS), depth_unit), "sigma": quantised(sigma, sigma_unit),
                  "outlier": np.rint(np.nan_to_num(outlier) * PROBABILITY_STEPS).astype(np.uint8)}  # fmt: skip
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._config.jpeg_quality]
        for layer, pixels in arrays.items():
            path = folder / LAYERS[layer][0] / f"{frame_index:06d}{LAYERS[layer][1]}"
            path.parent.mkdir(exist_ok=True)
            if not cv2.imwrite(str(path), pixels, quality if layer == "image" else []):
                raise OSError(f"{path}: could not be written")
        write_mask(folder / "moving" / f"{frame_index:06d}.png", moving)
        write_mask(folder / "overlay" / f"{frame_index:06d}.png", self._views.overlay(frame_index))
        if self.has_person:
            person = read_mask(self._moving / PERSON_FOLDER / f"{frame_index:06d}.png")
            write_mask(folder / "person" / f"{frame_index:06d}.png", person)
        camera = view.camera
        return {
            "frame_index": frame_index, "timestamp_s": self._views.timestamps_s[frame_index],
            "width": camera.width, "height": camera.height,
            "fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy,
            "cam_from_world": view.cam_from_world.ravel().tolist(),
            "valid_fraction": self._views.share_of_picture(np.isfinite(depth), frame_index),
            "moving_fraction": self._views.share_of_picture(moving, frame_index),
            "has_person": self.has_person,
        }  # fmt: skip
