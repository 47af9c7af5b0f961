"""Ground truth of the embedded clip against the renderer's truth.

    python benchmarks/accuracy/demo.py OUT

Prints the figures and writes them to benchmarks/results/demo.json with --save. OUT is the output folder of a finished run
on examples/demo/videos.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import sfm_gt
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.alignment import align_similarity
from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.geometry.transforms import camera_centres
from sfm_gt.sfm.clip_views import read_mask
from sfm_gt.sfm.undistortion import Undistortion

REPOSITORY = Path(__file__).resolve().parents[2]
TRUTH = REPOSITORY / "examples" / "demo" / "truth"
CLIP = "mannequin-000"


def score(out: Path, truth: Path = TRUTH) -> dict[str, float]:
    """Accuracy and share of static pixels, scale error, recall and false alarms of moving masks."""
    described = json.loads((truth / "truth.json").read_text())
    frames = [frame for frame in sfm_gt.open_dataset(out) if frame.clip_id == CLIP]
    lens = Undistortion.from_dict(read_json(Workspace(out).clip_stage(CLIP, "sfm") / "undistortion.json"))
    # Rows and columns of the filmed (here: rendered) frame under every pixel of the undistorted image.
    under = lens.filmed_px(pixel_grid(lens.camera.width, lens.camera.height).reshape(-1, 2))
    under = np.clip(under.astype(int), 0, [lens.camera.width - 1, lens.camera.height - 1])
    rows, columns = under[:, 1].reshape(-1, lens.camera.width), under[:, 0].reshape(-1, lens.camera.width)
    overlay = read_mask(truth / "overlay.png")[rows, columns]
    totals = dict.fromkeys(("static", "moving", "caught", "still", "alarms"), 0.0)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for frame in frames:
        moving = read_mask(truth / "moving" / f"{frame.frame_index:06d}.png")[rows, columns]
        _count_masks(totals, frame.moving, moving, overlay)
        depth_path = truth / "depth" / f"{frame.frame_index:06d}.png"
        if depth_path.is_file():
            depth = cv2.imread(str(depth_path), cv2.IMREAD_UNCHANGED)[rows, columns] * described["unit_m"]
            static = (depth > 0) & ~moving & ~overlay & lens.inside
            scored = static & frame.valid
            totals["static"] += static.sum()
            found.append((frame.z_depth_m[scored], frame.sigma_m[scored], depth[scored]))
    return _depth_figures(found, totals) | _other_figures(totals, frames, described)


def _count_masks(totals: dict[str, float], found: np.ndarray, moving: np.ndarray, overlay: np.ndarray) -> None:
    totals["moving"] += (moving & ~overlay).sum()
    totals["caught"] += (found & moving & ~overlay).sum()
    totals["still"] += (~moving & ~overlay).sum()
    totals["alarms"] += (found & ~moving & ~overlay).sum()


def _depth_figures(
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]], totals: dict[str, float]
) -> dict[str, float]:
    depth, sigma, truth = (np.concatenate(column).astype(np.float64) for column in zip(*found, strict=True))
    error = np.abs(depth - truth) / truth
    # The sigma of a pixel does not hold the clip's scale, which has its own: coverage is counted at the right scale.
    scale = np.median(truth / depth)
    deviation = np.abs(depth * scale - truth) / (sigma * scale)
    return {
        "AbsRel": error.mean(),
        "median": np.median(error),
        "within_1_percent": (error < 0.01).mean(),
        "share_of_static_pixels": len(depth) / totals["static"],
        "within_1_sigma": (deviation < 1).mean(),
        "within_2_sigma": (deviation < 2).mean(),
    }


def _other_figures(totals: dict[str, float], frames: list[sfm_gt.Frame], described: dict[str, Any]) -> dict[str, float]:
    truth_pose = {frame["frame_index"]: np.array(frame["cam_from_world"]) for frame in described["frames"]}
    ours = camera_centres(np.stack([frame.cam_from_world for frame in frames]))
    theirs = camera_centres(np.stack([truth_pose[frame.frame_index] for frame in frames]))
    # Our world is metric already, so the similarity onto the truth has scale 1 when the metres are right.
    similarity = align_similarity(ours, theirs)
    return {
        "frames": len(frames),
        "scale_error": abs(similarity.scale - 1.0),
        "camera_rms_m": float(np.sqrt(((similarity.apply(ours) - theirs) ** 2).sum(axis=1).mean())),
        "moving_recall": totals["caught"] / totals["moving"],
        "moving_false_alarms": totals["alarms"] / totals["still"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/demo.json")
    arguments = parser.parse_args()
    figures = {name: round(float(value), 5) for name, value in score(arguments.out).items()}
    print(
        "ground truth against the renderer's truth:", ", ".join(f"{name} {value:g}" for name, value in figures.items())
    )
    if arguments.save:
        path = REPOSITORY / "benchmarks" / "results" / "demo.json"
        path.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
