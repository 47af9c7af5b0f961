"""The kitchen in random windows: refused, or depth, focal length and their sigmas against the registered depth sensor.

    python benchmarks/accuracy/windows.py KITCHEN [--n 25] [--seed 1] [--save]

KITCHEN is the folder with ``video.mp4`` and ``truth``. Windows of 20 to 120 frames at 15 and 30 frames a second, full and half
size, are encoded anew and go through the stages up to structure from motion without a sidecar; dense depth is made for a few
frames with truth. Thresholds may be chosen on the windows of seed 0; --save writes benchmarks/results/windows.json, for the
report the windows of another seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.dense import LIMITS, silent  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.footage import read_frames, resized, write_clip  # noqa: E402
from benchmarks.accuracy.gates import ACCEPTED, CRASH, Part, Worker, other_rows, pass_gates, write_result  # noqa: E402
from benchmarks.accuracy.judging import find_companion, valid_depth  # noqa: E402
from benchmarks.accuracy.kitchen_clip import SENSOR_ERROR_REL, sensor_depth_m  # noqa: E402
from benchmarks.accuracy.scoring import coverage, mean_and_spread, score  # noqa: E402
from sfm_gt.config import Config, DenseConfig  # noqa: E402
from sfm_gt.dense.matching.passes import choose_anchors  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.dense.shared.clip import densify  # noqa: E402
from sfm_gt.formats.workspace import Workspace  # noqa: E402
from sfm_gt.geometry.camera import pixel_grid  # noqa: E402
from sfm_gt.sfm.clip_views import ClipViews  # noqa: E402

RESULT = REPOSITORY / "benchmarks" / "results" / "windows.json"
N_FRAMES, FPS, TRUTH_EVERY = 500, 30, 10
WIDTH, HEIGHT = 640, 480
# Of the whole clip, all 500 frames adjusted together; nominal is 525.
FOCAL_PX = 523.1
LENGTHS = (20, 120)
N_SCORED = 4
# What has to be shown.
MAX_ABS_REL, MIN_COVERED, MIN_KEPT, MAX_SOUND_REFUSED = 0.05, 0.85, 0.8, 0.02
KEPT_FROM, SOUND_FROM = 45, 60


@dataclass(frozen=True)
class Window:
    """A stretch of the video: frame k of its clip is frame ``first + k * step`` of the kitchen's."""

    number: int
    first: int
    n_frames: int
    step: int
    shrink: int

    @property
    def fps(self) -> int:
        """Frames a second."""
        return FPS // self.step

    @property
    def last(self) -> int:
        """Last frame of the original, included."""
        return self.first + (self.n_frames - 1) * self.step

    def truth_frames(self, registered: Sequence[int]) -> list[int]:
        """At most N_SCORED of its own frames that have truth, evenly over those that there are."""
        known = [k for k in registered if (self.first + k * self.step) % TRUTH_EVERY == 0]
        chosen = np.linspace(0, len(known) - 1, min(N_SCORED, len(known))).round().astype(int)
        return [known[k] for k in chosen]


def draw_windows(n_windows: int, seed: int) -> list[Window]:
    """Windows of random place and length; rate and size take turns, so that each pair is as frequent."""
    rng, kinds = np.random.default_rng(seed), [(step, shrink) for step in (1, 2) for shrink in (1, 2)]
    windows = []
    for number in range(n_windows):
        step, shrink = kinds[number % len(kinds)]
        n_frames = int(rng.integers(LENGTHS[0], LENGTHS[1], endpoint=True))
        # A multiple of the step, so that the frames with truth are among those that stay.
        first = step * int(rng.integers(0, (N_FRAMES - 1 - (n_frames - 1) * step) // step, endpoint=True))
        windows.append(Window(number, first, n_frames, step, shrink))
    return windows


def measure(window: Window, kitchen: Path) -> dict[str, Any]:
    """One window from encoding to figures, in scratch."""
    row: dict[str, Any] = {**asdict(window), "fps": window.fps}
    with tempfile.TemporaryDirectory() as scratch:
        frames = read_frames(kitchen / "video.mp4", window.first, window.last, window.step)
        shrunk = [resized(rgb, WIDTH // window.shrink, HEIGHT // window.shrink) for rgb in frames]
        video = write_clip(Path(scratch) / "videos" / "window.mp4", shrunk, window.fps)
        config = Config(videos=video.path.parent, out=Path(scratch) / "out")
        parts = pass_gates(video, config, n_threads=1).parts
        accepted = [part for part in parts if part.status == ACCEPTED]
        row |= {"status": accepted[0].status if accepted else parts[0].status, "clips": len(accepted),
                "refused": [_refusal(part) for part in parts if part.status != ACCEPTED],
                "registered": sum(last + 1 - first for part in accepted for first, last in part.registered)}  # fmt: skip
        # Of several clips of one window the longest is scored; a second one is a cut that is not there.
        for part in sorted(accepted, key=lambda part: part.n_frames)[-1:]:
            row |= _focal(part, window) | _depth(ClipViews(Workspace(config.out), part.clip_id), window, kitchen)
            row["measures"] = part.measures
    return row | {"right": is_right(row)}


def is_right(row: dict[str, Any]) -> bool:
    """Refused, or sound in depth, focal length and both sigmas."""
    if row["status"] == CRASH:
        return False
    if row["status"] != ACCEPTED:
        return True
    return bool(
        row["abs_rel"] is not None
        and row["abs_rel"] <= MAX_ABS_REL
        and row["focal_within_2_sigma"]
        and row["within_2_sigma_and_truth"] >= MIN_COVERED
    )


def _refusal(part: Part) -> dict[str, Any]:
    return {
        key: getattr(part, key) for key in ("first_frame", "last_frame", "reason", "measured", "threshold", "message")
    }


def _focal(part: Part, window: Window) -> dict[str, Any]:
    """Error of the focal length and whether its stated sigma explains it; None where no sigma is stated."""
    error = part.measures["focal_px"] * window.shrink / FOCAL_PX - 1.0
    sigma = part.measures.get("focal_sigma_rel")
    return {
        "focal_error_rel": error,
        "focal_sigma_rel": sigma,
        "focal_within_2_sigma": None if sigma is None else abs(error) <= 2 * sigma,
    }


def _depth(views: ClipViews, window: Window, kitchen: Path) -> dict[str, Any]:
    """Figures over the scored frames at one scale; dense depth is made for these and the clip's own keyframes alone."""
    model = views.model
    scored = window.truth_frames(model.frame_indices.tolist())
    keyframes = choose_anchors(model, list(range(len(model.frame_indices))))
    frames = sorted({*scored, *model.frame_indices[keyframes].tolist()})
    found = dict(densify(model, views.view, frames, PatchMatch(), DenseConfig().n_neighbours, 1, silent))
    truth = {index: _truth_m(views, window, kitchen, index) for index in scored}
    depth = {index: valid_depth(found[index], find_companion(views, index, found[index].z_depth_sfm), LIMITS)
             for index in scored}  # fmt: skip
    ratios = np.concatenate([(truth[index] / depth[index]).ravel() for index in scored] or [np.zeros(0)])
    if not np.isfinite(ratios).any():
        return {"scored": len(scored), "abs_rel": None, "within_2_sigma": None, "within_2_sigma_and_truth": 0.0}
    scale = float(np.nanmedian(ratios))
    figures = [
        score(depth[i] * scale, truth[i])
        | coverage(depth[i] * scale, found[i].sigma_sfm * scale, truth[i], SENSOR_ERROR_REL)
        for i in scored
    ]
    return {"scored": len(scored), "metres_per_unit": scale, **mean_and_spread(figures)["mean"]}


def _truth_m(views: ClipViews, window: Window, kitchen: Path, index: int) -> np.ndarray:
    """Sensor depth under every pixel of an undistorted frame, in metres, NaN = unknown."""
    camera = views.undistortion.camera
    grid = pixel_grid(camera.width, camera.height)
    filmed = views.undistortion_of(index).filmed_px(grid.reshape(-1, 2)).reshape(grid.shape)
    shown = window.first + index * window.step
    return sensor_depth_m(kitchen, shown, filmed * WIDTH / views.frames.width, camera, grid)


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts, and each bound with whether it was kept."""
    accepted = [row for row in rows if row["status"] == ACCEPTED]
    long, sound = ([row for row in rows if row["n_frames"] >= least] for least in (KEPT_FROM, SOUND_FROM))
    kept = sum(row["status"] == ACCEPTED for row in long) / max(len(long), 1)
    refused = sum(row["status"] != ACCEPTED for row in sound) / max(len(sound), 1)
    reasons = Counter(each["reason"] for row in rows if row["status"] != ACCEPTED for each in row["refused"])
    return {
        "windows": len(rows), "accepted": len(accepted), "wrong": [row["number"] for row in rows if not row["right"]],
        "depth_wrong": [row["number"] for row in accepted if row["abs_rel"] is None or row["abs_rel"] > MAX_ABS_REL],
        "focal_outside_2_sigma": [row["number"] for row in accepted if not row["focal_within_2_sigma"]],
        "pixels_outside_2_sigma": [row["number"] for row in accepted if row["within_2_sigma_and_truth"] < MIN_COVERED],
        "cut": [row["number"] for row in rows if row["clips"] > 1],
        "reasons": dict(reasons), f"kept_of_{KEPT_FROM}_and_more": kept, f"refused_of_{SOUND_FROM}_and_more": refused,
        "shown": {"refused_or_right": all(row["right"] for row in rows), "kept": kept >= MIN_KEPT,
                  "sound_refused": refused <= MAX_SOUND_REFUSED},
    }  # fmt: skip


def print_row(row: dict[str, Any]) -> None:
    """One line a window."""
    where = f"{row['number']:3} {row['n_frames']:4} frames from {row['first']:3} at {row['fps']} fps, 1/{row['shrink']}"
    if row["status"] == ACCEPTED and row["abs_rel"] is not None:
        said = (f"AbsRel {row['abs_rel']:.4f} share {row['share']:.2f} focal {100 * row['focal_error_rel']:+.2f} % "
                f"(sigma {row['focal_sigma_rel']}) within 2 sigma {row['within_2_sigma']:.2f}, with the sensor's "
                f"{row['within_2_sigma_and_truth']:.2f} {'right' if row['right'] else 'WRONG'}")  # fmt: skip
    else:
        said = " ".join(f"{each['reason']} {each['measured']}" for each in row["refused"]) or row["status"]
    print(f"{where}: {said}", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kitchen", type=Path)
    parser.add_argument("--n", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1, help="0 for choosing thresholds, another for the report")
    parser.add_argument(
        "--only", type=int, nargs="+", help="numbers of windows; the others stay in the result as they are"
    )
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/windows.json")
    parser.add_argument("--json", type=Path, help="write the result there")
    arguments = parser.parse_args()
    paths = [RESULT] * arguments.save + [arguments.json] * (arguments.json is not None)
    rows, worker = other_rows(paths, "number", arguments.only), Worker()
    for window in draw_windows(arguments.n, arguments.seed):
        if window.number in (arguments.only or [window.number]):
            row, error = worker.call(measure, window, arguments.kitchen)
            crash = {**asdict(window), "fps": window.fps, "status": CRASH, "clips": 0, "registered": 0, "right": False,
                     "refused": [{"reason": "crash", "measured": None, "message": error}]}  # fmt: skip
            rows = sorted([*rows, row or crash], key=lambda one: int(one["number"]))
            print_row(row or crash)
            write_result({"seed": arguments.seed, "summary": summary(rows), "rows": rows}, paths)
    print(json.dumps(summary(rows), indent=1))


if __name__ == "__main__":
    main()
