"""Moving masks, overlay, frozen interval and verdicts on the rendered scenes of examples/masks, whose truth is exact.

    snakemake --cores all --config videos=examples/masks/videos out=OUT
    python benchmarks/accuracy/masks.py OUT [--save]

Scores what the run's stages left in OUT, and beside the moving masks two more: the masks before SfM, and the same
flow-residual method without parallax handling (the scene taken for flat, at its median depth). --save writes
benchmarks/results/masks.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sfm_gt.formats.manifest import read_manifest
from sfm_gt.formats.overlay_folder import covered, read_overlays
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.masks.rigid_flow import RigidFlow
from sfm_gt.sfm.clip_views import ClipViews, read_mask
from sfm_gt.sfm.undistortion import Undistortion
from sfm_gt.stages.moving import Images, ViewsWithDepth

REPOSITORY = Path(__file__).resolve().parents[2]
SCENES = REPOSITORY / "examples" / "masks"
STAGES = ("frames", "sfm", "dense", "moving")


class Truth:
    """Exact masks of one scene, by frame."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.n_frames = len(json.loads((folder / "truth.json").read_text())["frames"])

    def moving(self, frame_index: int) -> np.ndarray:
        return read_mask(self._folder / "moving" / f"{frame_index:06d}.png")

    def overlay(self, frame_index: int) -> np.ndarray:
        by_frame = self._folder / "overlay" / f"{frame_index:06d}.png"
        return read_mask(by_frame if by_frame.is_file() else self._folder / "overlay.png")

    def frozen_interval(self) -> tuple[int, int] | None:
        """First and last frame of the longest stretch in which nothing moves."""
        still = [not self.moving(frame).any() for frame in range(self.n_frames)]
        runs, start = [], None
        for frame, frozen in enumerate([*still, False]):
            if frozen and start is None:
                start = frame
            elif not frozen and start is not None:
                runs.append((start, frame - 1))
                start = None
        return max(runs, key=lambda run: run[1] - run[0], default=None)


def filmed_under(lens: Undistortion) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the filmed frame under every pixel of the undistorted image."""
    width, height = lens.camera.width, lens.camera.height
    under = lens.filmed_px(pixel_grid(width, height).reshape(-1, 2)).astype(int)
    under = np.clip(under, 0, [width - 1, height - 1])
    return under[:, 1].reshape(height, width), under[:, 0].reshape(height, width)


def mask_figures(found: np.ndarray, truth: np.ndarray, ignored: np.ndarray) -> dict[str, float | None]:
    """IoU and recall (None where nothing moves) and the share of static pixels marked as moving; all (N, H, W)."""
    both, either = (found & truth & ~ignored).sum(), ((found | truth) & ~ignored).sum()
    moving, static = (truth & ~ignored).sum(), (~truth & ~ignored).sum()
    return {
        "iou": float(both / either) if moving else None,
        "recall": float(both / moving) if moving else None,
        "false_alarms": float((found & ~truth & ~ignored).sum() / static),
    }


def flat(views: ViewsWithDepth) -> list[Any]:
    """The views of a scene without relief: every pixel at the clip's median depth."""
    depths = [views[i].z_depth_sfm for i in range(len(views))]
    median = np.float32(np.nanmedian([np.nanmedian(depth) for depth in depths if np.isfinite(depth).any()]))
    return [views[i].with_depth(np.full_like(depths[i], median)) for i in range(len(views))]


def timed(method: Any, frames: Any, views: Any) -> tuple[np.ndarray, float]:
    """Masks and CPU seconds a frame."""
    started = time.process_time()
    found = method.segment(frames, views)
    return found, (time.process_time() - started) / len(frames)


def after_sfm(workspace: Workspace, clip: str, truth: Truth) -> dict[str, Any]:
    """The stage's masks against truth on undistorted frames, and the baseline that knows no parallax."""
    views, filmed = ViewsWithDepth(workspace, clip), ClipViews(workspace, clip)
    lenses = {i: filmed.undistortion_of(i) for i in views.frame_indices}
    moving = np.stack([truth.moving(i)[filmed_under(lens)] for i, lens in lenses.items()])
    ignored = np.stack([truth.overlay(i)[filmed_under(lens)] | ~lens.inside for i, lens in lenses.items()])
    folder = workspace.clip_stage(clip, "moving")
    found = np.stack([read_mask(folder / f"{i:06d}.png") for i in views.frame_indices])
    plain, seconds = timed(RigidFlow(), Images(views), flat(views))
    return {
        "rigid_flow": mask_figures(found, moving, ignored),
        "without_parallax": mask_figures(plain, moving, ignored) | {"cpu_s_per_frame": round(seconds, 3)},
    }


def in_sfm(workspace: Workspace, clip: str, truth: Truth) -> dict[str, Any]:
    """The masks found with the adjusted cameras, on undistorted frames."""
    views = ClipViews(workspace, clip)
    indices = views.model.frame_indices.tolist()
    lenses = {index: views.undistortion_of(index) for index in indices}
    found = np.stack([views.moving_in_sfm(index) for index in indices])
    moving = np.stack([truth.moving(i)[filmed_under(lens)] for i, lens in lenses.items()])
    ignored = np.stack([truth.overlay(i)[filmed_under(lens)] | ~lens.inside for i, lens in lenses.items()])
    return mask_figures(found, moving, ignored)


def overlay_iou(workspace: Workspace, clip: str, truth: Truth) -> float | None:
    """Overlay found against overlay drawn, over all frames; None where none is drawn and none found."""
    overlays, both, either = read_overlays(workspace.clip_stage(clip, "frames")), 0, 0
    for index in range(truth.n_frames):
        drawn = truth.overlay(index)
        found = covered(overlays, index, drawn.shape, 0)
        both, either = both + (found & drawn).sum(), either + (found | drawn).sum()
    return float(both / either) if either else None


def frozen_interval(workspace: Workspace, clip: str) -> list[int] | None:
    """What a stage wrote into its measures as ``frozen_first_frame`` and ``frozen_last_frame``; None where none did."""
    for stage in STAGES:
        measures = read_manifest(workspace.clip_stage(clip, stage)).measures
        if "frozen_first_frame" in measures:
            return [int(measures["frozen_first_frame"]), int(measures["frozen_last_frame"])]
    return None


def score(out: Path, scene: str, expected: str) -> dict[str, Any]:
    """All figures of one scene."""
    workspace, clip, truth = Workspace(out), f"{scene}-000", Truth(SCENES / "truth" / scene)
    manifests = [read_manifest(workspace.clip_stage(clip, stage)) for stage in STAGES]
    refused = next((manifest.reason for manifest in manifests if not manifest.ok), None)
    figures: dict[str, Any] = {
        "expected": expected,
        "verdict": "reject" if refused else "accept",
        "reason": refused,
    }
    # A clip that is refused leaves no frames behind.
    if refused:
        return figures
    return figures | {
        "in_sfm": in_sfm(workspace, clip, truth),
        **after_sfm(workspace, clip, truth),
        "overlay_iou": overlay_iou(workspace, clip, truth),
        "frozen_truth": truth.frozen_interval(),
        "frozen_found": frozen_interval(workspace, clip),
    }


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenes", nargs="+", help="just these (default: all of examples/masks)")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/masks.json")
    arguments = parser.parse_args()
    expected = {Path(k).stem: v["verdict"] for k, v in yaml.safe_load((SCENES / "expected.yaml").read_text()).items()}
    figures = {}
    for scene in arguments.scenes or expected:
        figures[scene] = rounded(score(arguments.out, scene, expected[scene]))
        print(scene, json.dumps(figures[scene]), flush=True)
    if arguments.save:
        path = REPOSITORY / "benchmarks" / "results" / "masks.json"
        path.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
