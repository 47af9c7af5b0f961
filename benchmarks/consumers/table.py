"""Format x consumer: does what reads an export see the scene where it is?

    python -m benchmarks.consumers.table [--save]

Exports a data set whose every value is known (``relief.py``) to each format, reads it as its consumer does (``readers.py``) and
says: how far picture and depth lie off (the shift of up to a pixel, in steps of half a one, under which the rays that the
consumer makes of pixels see best what it has there), the error of depth and sigma, and whether masks and splits are right.
Point clouds, meshes and cameras without pictures have no pixels: tests/exporters holds them against the scene. --save writes
benchmarks/results/consumers.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.consumers import relief
from benchmarks.consumers.readers import LIBRARIES, READERS, View, pinhole
from sfm_gt.commands import export

RESULT = Path(__file__).resolve().parents[1] / "results" / "consumers.json"
SHIFTS_PX = (-1.0, -0.5, 0.0, 0.5, 1.0)
SEARCHED_OF = 6  # views: one in so many is searched for its offset
MARGIN = 8  # rows at the top that are no part of the plain scene
# Of formats that know training and the rest: our val goes to test.
TWO_SPLITS = ("realestate10k_frames", "pixelsplat")


def measure(format_name: str, views: Sequence[View]) -> dict[str, Any]:
    """The row of a format: figures of all its frames."""
    expected = len(relief.FRAMES) * len(relief.CAMERAS)
    row: dict[str, Any] = {
        "frames": len({(view.clip_id, view.frame_index) for view in views}),
        "frames_exported": expected,
    }
    row |= _offsets(views[::SEARCHED_OF])
    depths = [view for view in views if view.depth is not None]
    row["depth_error_percent"] = round(100 * max(_relative(view) for view in depths), 3) if depths else None
    sigmas = [view for view in views if view.sigma is not None]
    row["sigma_error_percent"] = round(100 * max(_sigma_error(view) for view in sigmas), 3) if sigmas else None
    row["masks"] = _masks(views)
    row["splits"] = _splits(format_name, views)
    return row


def _rays(view: View, shift: tuple[float, float]) -> np.ndarray:
    """(H, W, 3) rays of the view's pixels, looked at ``shift`` pixels aside."""
    camera = relief.CAMERAS[view.clip_id[:-4]]
    rows, columns = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(float) + shift
    rays_of = view.rays_of or pinhole(camera.fx, camera.fy, camera.cx, camera.cy, 0.5)
    return np.c_[rays_of(pixels), np.ones(len(pixels))].reshape(camera.height, camera.width, 3)


def _scene(view: View, shift: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    pose = relief.pose(view.frame_index) if view.cam_from_world is None else view.cam_from_world
    return relief.seen(_rays(view, shift), pose)


def _offsets(views: Sequence[View]) -> dict[str, list[float] | None]:
    """Of picture and depth: the shift (x, y) with the least error over all frames."""
    picture: dict[tuple[float, float], float] = defaultdict(float)
    depth: dict[tuple[float, float], float] = defaultdict(float)
    for view, shift in itertools.product(views, itertools.product(SHIFTS_PX, SHIFTS_PX)):
        true_depth, grey = _scene(view, shift)
        picture[shift] += float(np.median(abs(view.image.astype(float).mean(axis=2) - grey)))
        if view.depth is not None:
            depth[shift] += float(np.nanmedian(abs(view.depth - true_depth)[MARGIN:]))
    best = [list(min(errors, key=lambda shift: errors[shift])) if errors else None for errors in (picture, depth)]
    return {"picture_offset_px": best[0], "depth_offset_px": best[1]}


def _relative(view: View) -> float:
    depth = _scene(view, (0.0, 0.0))[0]
    return float(np.nanmax(abs(view.depth / depth - 1)))


def _sigma_error(view: View) -> float:
    depth = _scene(view, (0.0, 0.0))[0]
    return float(np.nanmax(abs(view.sigma / (relief.SIGMA_SHARE * depth) - 1)[MARGIN:]))


def _masks(views: Sequence[View]) -> str:
    """How the format says what moves and what is overlay, or what is wrong with it."""
    if all(view.depth is None for view in views):
        return "none"
    for view in views:
        known = np.isfinite(view.depth)
        if known[:3].any() or not known[3:].all():
            return "wrong: depth is taken where there is none, or missing where there is some"
        if "usable" in view.masks and (view.masks["usable"][1:3].any() or not view.masks["usable"][3:].all()):
            return "wrong: usable"
        if "moving" in view.masks and not _layers_are_right(view):
            return "wrong: layers"
    names = set().union(*(view.masks for view in views))
    return "layers" if "moving" in names else "mask" if "usable" in names else "invalid depth"


def _layers_are_right(view: View) -> bool:
    rows = np.arange(view.depth.shape[0])[:, None] * np.ones(view.depth.shape[1])
    person = view.masks.get("person")
    if (person is not None) != (view.clip_id == "anna-000"):
        return False
    if person is not None and not (
        person[:, -relief.PERSON_COLUMNS :].all() and not person[:, : -relief.PERSON_COLUMNS].any()
    ):
        return False
    outlier = np.where(rows == 6, relief.OUTLIER_STEPS / 255, 0)
    return all((view.masks[name] == (rows == at)).all() for name, at in (("moving", 1), ("overlay", 2))) and bool(
        np.allclose(view.masks["outlier"], outlier)
    )


def _splits(format_name: str, views: Sequence[View]) -> str:
    if all(view.split is None for view in views):
        return "none"
    expected = {f"{video}-000": "test" if format_name in TWO_SPLITS and split == "val" else split
                for video, split in relief.SPLITS.items()}  # fmt: skip
    found = {(view.clip_id, view.split) for view in views}
    return "right" if found == set(expected.items()) else f"wrong: {sorted(found)}"


def consumed(out: Path, format_name: str, folder: Path) -> dict[str, Any]:
    """Exports to ``folder`` and measures what the consumer sees."""
    export.run(out, format_name, folder)
    consumer, reader = READERS[format_name]
    library = LIBRARIES.get(format_name)
    name = f"{consumer} {version(library)}" if library else consumer
    return {"consumer": name, **measure(format_name, list(reader(folder)))}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        out = relief.write_relief(Path(place) / "out")
        found = {name: consumed(out, name, Path(place) / name) for name in READERS}
    for name, row in found.items():
        print(name, json.dumps(row))
    if arguments.save:
        RESULT.write_text(json.dumps({"formats": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
