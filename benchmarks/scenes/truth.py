"""From the renderer's float passes to the committed truth: PNG maps, truth.json and the sidecar's lengths."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from camera_path import Lens, lens_at
from scene_types import THIN_LABEL, CameraPath, KnownDistance, Rod, Scene

os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"  # cv2 asks for it when it first reads an EXR

GENERATOR_VERSION = 1
MOVED_M = 0.01
# the sidecar's points: how far from the anchor to look, and how even the surface must be around a point
SEARCH_PX = 12
EVEN_PX, EVEN_M = 2, 0.03
THIN_CONVENTION = "nonzero: the pixel's centre sees a pole, a leg or a wire"
PNG_SMALLEST = [cv2.IMWRITE_PNG_COMPRESSION, 9]


def read_pass(folder: Path, kind: str, frame_index: int) -> np.ndarray:
    """(H, W, 3) float32: a pass as Cycles wrote it; single-valued passes repeat their value (BGR order)."""
    picture = cv2.imread(str(folder / f"{kind}_{frame_index:04d}.exr"), cv2.IMREAD_UNCHANGED)
    return picture[..., :3]


def depth_units(folder: Path, frame_index: int, lens: Lens, unit_m: float) -> np.ndarray:
    """(H, W) uint16 z-depth in ``unit_m``; 0 where no surface is (Cycles says 1e10) or it is out of range.

    Through a fisheye Cycles hands out the distance from the camera; z is what is kept.
    """
    metres = read_pass(folder, "depth", frame_index)[..., 0].astype(float)
    if lens.fisheye:
        metres = metres / np.linalg.norm(lens.rays(), axis=2)
    units = np.rint(metres / unit_m)
    return np.where(units <= np.iinfo(np.uint16).max, units, 0).astype(np.uint16)


def _labels(folder: Path, frame_index: int) -> np.ndarray:
    return np.rint(read_pass(folder, "label", frame_index)[..., 0]).astype(np.uint8)


def person_labels(folder: Path, frame_index: int) -> np.ndarray:
    """(H, W) uint8: 0 nobody, else person_id."""
    labels = _labels(folder, frame_index)
    return np.where(labels == THIN_LABEL, 0, labels).astype(np.uint8)


def thin(folder: Path, frame_index: int) -> np.ndarray:
    """(H, W) bool: a rod is what the pixel's centre sees."""
    return _labels(folder, frame_index) == THIN_LABEL


def has_rods(scene: Scene) -> bool:
    return any(isinstance(thing, Rod) for thing in scene.room)


def moving(folder: Path, frame_index: int) -> np.ndarray:
    """(H, W) bool: the surface point seen is more than MOVED_M off its frozen place."""
    return np.linalg.norm(read_pass(folder, "offset", frame_index), axis=2) > MOVED_M


def _write(path: Path, pixels: np.ndarray) -> None:
    """A PNG as small as it gets, with one bit a pixel for masks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = pixels.dtype == bool
    options = [*PNG_SMALLEST, *([cv2.IMWRITE_PNG_BILEVEL, 1] if mask else [])]
    cv2.imwrite(str(path), pixels * np.uint8(255) if mask else pixels, options)


def write_maps(passes: Path, out: Path, scene: Scene, overlay: np.ndarray) -> None:
    """The folders of maps; ``overlay`` is (N, H, W) bool and ends in one file where it never changes."""
    rods = has_rods(scene)
    for frame in range(scene.n_frames):
        name = f"{frame:06d}.png"
        _write(out / "moving" / name, moving(passes, frame))
        if scene.depth_every and frame % scene.depth_every == 0:
            lens = lens_at(scene.camera, frame, scene.n_frames)
            _write(out / "depth" / name, depth_units(passes, frame, lens, scene.depth_unit_m))
        if frame % (scene.depth_every or 1) == 0:
            _write(out / "person" / name, person_labels(passes, frame))
            if rods:
                _write(out / "thin" / name, thin(passes, frame))
    if (overlay == overlay[0]).all():
        _write(out / "overlay.png", overlay[0])
    else:
        for frame, covered in enumerate(overlay):
            _write(out / "overlay" / f"{frame:06d}.png", covered)


def write_room(passes: Path, out: Path, scene: Scene, frames: Iterable[int]) -> None:
    """``background/``: depth of the room without people, as ``depth/`` has it."""
    for frame in frames:
        lens = lens_at(scene.camera, frame, scene.n_frames)
        _write(out / "background" / f"{frame:06d}.png", depth_units(passes, frame, lens, scene.depth_unit_m))


def _people(scene: Scene, passes: Path) -> list[dict]:
    """Who is there, and the first and last frame in which a person is off their frozen place (None: never)."""
    moved = [frame for frame in range(scene.n_frames) if moving(passes, frame).any()]
    interval = [moved[0], moved[-1]] if moved else None
    return [
        {
            "person_id": person.person_id,
            "name": person.name,
            "stature_m": person.stature_m,
            "moving_frames": interval if person.motion else None,
        }
        for person in scene.people
    ]


def _camera(path: CameraPath, lens: Lens) -> dict:
    """COLMAP's name and parameters; where the focal length breathes, its middle, and the frames have their own."""
    return {
        "model": "OPENCV_FISHEYE" if path.fisheye else "PINHOLE", "width": path.width, "height": path.height,
        "fx": path.focal_px, "fy": path.focal_px, "cx": lens.centre_px[0], "cy": lens.centre_px[1],
        **(dict.fromkeys(("k1", "k2", "k3", "k4"), 0.0) if path.fisheye else {}),
    }  # fmt: skip


def write_json(out: Path, scene: Scene, passes: Path, cam_from_world: np.ndarray, timestamps_s: list[float]) -> None:
    lenses = [lens_at(scene.camera, frame, scene.n_frames) for frame in range(scene.n_frames)]
    content = {
        "scene": scene.name,
        "generator_version": GENERATOR_VERSION,
        "seed": scene.seed,
        "camera": _camera(scene.camera, lenses[0]),
        "conventions": {
            "pixel_centre": "(row r, column c) is (x, y) = (c + 0.5, r + 0.5)",
            "camera_frame": "+x right, +y down, +z forward",
            "depth": "uint16 planar z at pixel centres, metres = value * unit_m, 0 = none",
            "moving": f"nonzero: the point is more than {MOVED_M} m from its frozen place",
            "person": "0 nobody, else person_id",
            "overlay": "nonzero: the burnt-in caption changes the pixel",
            **({"thin": THIN_CONVENTION} if has_rods(scene) else {}),
        },
        "unit_m": scene.depth_unit_m,
        "people": _people(scene, passes),
        "frames": [
            {"frame_index": i, "timestamp_s": t, "cam_from_world": pose.tolist()}
            | ({"focal_px": lenses[i].focal_px} if scene.camera.breathing else {})
            for i, (t, pose) in enumerate(zip(timestamps_s, cam_from_world, strict=True))
        ],
    }  # fmt: skip
    (out / "truth.json").write_text(json.dumps(content, indent=1) + "\n")


def find_point(anchor_px: np.ndarray, anchor_z_m: float, z_m: np.ndarray, allowed: np.ndarray) -> tuple[int, int]:
    """(column, row) nearest the anchor where the surface is even, allowed and near the anchor's depth."""
    size = 2 * EVEN_PX + 1
    spread = cv2.dilate(z_m, np.ones((size, size))) - cv2.erode(z_m, np.ones((size, size)))
    good = (spread < EVEN_M) & allowed & (abs(z_m - anchor_z_m) < 0.15)
    good &= cv2.erode(allowed.astype(np.uint8), np.ones((size, size))) > 0
    rows, columns = np.nonzero(good)
    distance = np.hypot(columns + 0.5 - anchor_px[0], rows + 0.5 - anchor_px[1])
    if distance.size == 0 or distance.min() > SEARCH_PX:
        raise ValueError(f"no even visible surface within {SEARCH_PX} px of {anchor_px}: move the anchor")
    return int(columns[distance.argmin()]), int(rows[distance.argmin()])


def measured(
    known: KnownDistance, scene: Scene, passes: Path, cam_from_world: np.ndarray, covered: np.ndarray
) -> tuple[list[list[float]], float]:
    """The two pixels and the exact metres between their surface points, from the truth's own depth."""
    lens = lens_at(scene.camera, known.frame_index, scene.n_frames)
    unit_m = scene.depth_unit_m
    z_m = (depth_units(passes, known.frame_index, lens, unit_m) * unit_m).astype(np.float32)
    allowed = (person_labels(passes, known.frame_index) == known.person_id) & ~covered
    pose = cam_from_world[known.frame_index]
    anchors = np.array([known.anchor_a_m, known.anchor_b_m]) @ pose[:3, :3].T + pose[:3, 3]
    found = [find_point(p, z, z_m, allowed) for p, z in zip(lens.project(anchors), anchors[:, 2], strict=True)]
    ends = [float(z_m[row, column]) * lens.rays()[row, column] for column, row in found]
    return [[c + 0.5, r + 0.5] for c, r in found], float(np.linalg.norm(ends[0] - ends[1]))


def write_sidecar(target: Path, scene: Scene, passes: Path, cam_from_world: np.ndarray, covered: np.ndarray) -> None:
    """The clip's YAML sidecar: where it comes from, and the known lengths."""
    lines = [
        'source: "rendered by benchmarks/scenes (own work)"',
        'license: "CC0-1.0"',
        "recorded_by: null",
        "consent: not_applicable",
    ]
    if scene.known_distances:
        lines += ["scale:", "  known_distance:   # source-video pixels, pixel centres at +0.5"]
    for known in scene.known_distances:
        (a, b), metres = measured(known, scene, passes, cam_from_world, covered)
        lines.append(
            f"    - {{frame_index: {known.frame_index}, point_a: {a}, point_b: {b}, "
            f'metres: {metres:.3f}, sigma_m: {known.sigma_m:.3f}, label: "{known.label}"}}'
        )
    target.write_text("\n".join(lines) + "\n")
