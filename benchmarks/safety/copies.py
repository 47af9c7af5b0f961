"""Copies of clips that are known again, different clips that are taken for one, and faces found again after blurring.

    python benchmarks/safety/copies.py --chosen DIR... --reported DIR... --model YUNET.onnx [--save]

The limits of ``formats/perceptual_hash.py`` and ``provenance/faces.py`` were set while looking at the videos below the first
folders; the others played no part in it. Videos named ``d_*`` are left out: they are cut together from others. Of each, FRAMES
frames of its first WINDOW are edited and encoded again as JPEG. --save writes benchmarks/results/copies.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from sfm_gt.errors import Rejected
from sfm_gt.formats.perceptual_hash import are_near_duplicates, copy_hashes
from sfm_gt.imaging.resizing import fitted
from sfm_gt.provenance.faces import FaceBlur
from sfm_gt.video.decode import VideoReader, display_of
from sfm_gt.video.video_folders import VIDEO_SUFFIXES

RESULT = Path(__file__).resolve().parents[1] / "results" / "copies.json"
WINDOW, FRAMES, LONG_SIDE_PX = 40, 16, 512
FACE_SIDES_PX = 960, 480
Picture = np.ndarray


def _cropped(frame: Picture, across: float, down: float) -> Picture:
    height, width = (round(0.85 * side) for side in frame.shape[:2])
    top, left = round(down * (frame.shape[0] - height)), round(across * (frame.shape[1] - width))
    return frame[top : top + height, left : left + width]


EDITS: dict[str, Callable[[Picture], Picture]] = {
    "encoded again": lambda frame: cv2.resize(frame, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
    "mirrored": lambda frame: frame[:, ::-1],
    "padded": lambda frame: cv2.copyMakeBorder(np.ascontiguousarray(frame), 0, 40, 50, 30, cv2.BORDER_CONSTANT),
    "cropped in the middle": lambda frame: _cropped(frame, 0.5, 0.5),
    "cropped in a corner": lambda frame: _cropped(frame, 0.0, 1.0),
    "mirrored and cropped": lambda frame: _cropped(frame[:, ::-1], 0.6, 0.2),
}


def frames_of(path: Path) -> list[Picture]:
    """FRAMES of the first WINDOW, evenly spaced, at their own size; fewer of a video that ends or is damaged before."""
    chosen = set(np.linspace(0, WINDOW - 1, FRAMES).astype(int).tolist())
    with closing(VideoReader(path)) as reader:
        decoded = enumerate(itertools.islice(reader.frames(), WINDOW))
        return [
            display_of(reader, frame).apply(frame.to_ndarray(format="rgb24")) for at, frame in decoded if at in chosen
        ]


def _encoded(frame: Picture) -> Picture:
    return cv2.imdecode(cv2.imencode(".jpg", np.ascontiguousarray(frame), [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 1)


def copies(videos: dict[str, list[Picture]]) -> dict:
    """Copies known again by edit, and pairs of different clips taken for one."""
    hashes, known = {}, dict.fromkeys(EDITS, 0)
    for name, pictures in videos.items():
        small = [fitted(picture, LONG_SIDE_PX) for picture in pictures]
        if not (original := copy_hashes(small)):
            continue
        hashes[name] = original
        for edit, apply in EDITS.items():
            known[edit] += are_near_duplicates(original, copy_hashes([_encoded(apply(frame)) for frame in small]))
    pairs = list(itertools.combinations(sorted(hashes), 2))
    taken = [pair for pair in pairs if are_near_duplicates(hashes[pair[0]], hashes[pair[1]])]
    return {"clips": len(hashes), "known_again": known, "different_pairs": len(pairs), "taken_for_one": taken}


def faces(videos: dict[str, list[Picture]], blur: FaceBlur) -> dict:
    """Faces blurred in pictures of several sizes, and how many of them the detector finds again."""
    found = {}
    for side in FACE_SIDES_PX:
        chosen = [fitted(pictures[at], side) for pictures in videos.values() for at in (0, -1)]
        results = [blur.blur(picture) for picture in chosen]
        found[side] = {"pictures": len(results), "faces": sum(one.n_faces for one in results),
                       "found_again": sum(one.n_found_again for one in results)}  # fmt: skip
    return found


def readable(folders: list[Path]) -> dict[str, list[Picture]]:
    """Frames of the videos below some folders that decode and are no cuts of others."""
    found = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith("d_"):
            try:
                found["/".join(path.parts[-3:])] = frames_of(path)
            except Rejected as verdict:
                print(verdict)
    return {name: pictures for name, pictures in found.items() if pictures}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chosen", type=Path, nargs="+", required=True)
    parser.add_argument("--reported", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path, required=True, help="YuNet's ONNX file")
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    blur, found = FaceBlur(arguments.model), {}
    for role in ("chosen", "reported"):
        videos = readable(getattr(arguments, role))
        found[role] = {"copies": copies(videos), "faces": faces(videos, blur)}
        print(role, json.dumps(found[role]), flush=True)
    found["cpu_s"] = round(time.process_time())
    if arguments.save:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
