"""Malformed inputs by the thousand: each is read or refused in one line that names its file, and nothing else happens.

    python benchmarks/safety/malformed.py [--inputs N] [--seed S] [--json FILE]

Sound files of every kind that users give are damaged at random: bytes flipped, cut, repeated or zeroed, numbers replaced by
such as no file should hold. An input counts as a fault when reading it ends in another exception, in a message of several
lines or without the file's name, or takes longer than MAX_SECONDS. The same seed gives the same inputs.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sfm_gt import registry
from sfm_gt.config import read_config
from sfm_gt.errors import SfmGtError
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.importers.shared.video_facts import VideoFacts
from sfm_gt.metrics.protocol import SHIPPED_FOLDER, load_protocol
from sfm_gt.models.on_disk import OnDiskModel
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.video.child_process import in_child
from sfm_gt.video.fingerprint import probed_and_hashed

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo" / "videos"
MAX_SECONDS = 60.0
VIDEO_SHARE = 0.1  # of the inputs: each takes a process of its own
WEIRD = (
    "nan",
    "inf",
    "-inf",
    "1e308",
    "-1",
    "0",
    "true",
    "''",
    "9" * 400,
    "0x10",
    "1e-320",
    "null",
    "\x00",
    "٣",
    "[",
    "*a",
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?")
SIDECAR = b"""source: here
license: CC0-1.0
consent: given
camera: {focal_px: 525}
scale:
  known_distance:
    - {frame_index: 3, point_a: [10.5, 20.5], point_b: [30, 40], metres: 1.2, sigma_m: 0.01}
  camera_height: {metres: 1.5, sigma_m: 0.1}
"""


@dataclass(frozen=True)
class Kind:
    """One kind of input: a sound file's bytes, what it is called, and what reads it."""

    sound: bytes
    name: str
    read: Callable[[Path], Any]


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes of others' values."""
    changed = bytearray(content)
    for place in rng.integers(0, len(changed), rng.choice([1, 3, 30])):
        changed[place] ^= int(rng.integers(1, 256))
    return bytes(changed)


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    """The beginning, or the end."""
    place = int(rng.integers(0, len(content)))
    return content[:place] if rng.random() < 0.8 else content[place:]


def repeated(content: bytes, rng: np.random.Generator) -> bytes:
    """A part twice, or many times."""
    first, last = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    return content[:last] + content[first:last][:4096] * int(rng.choice([1, 50])) + content[last:]


def zeroed(content: bytes, rng: np.random.Generator) -> bytes:
    """A part of zeros."""
    first, last = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    return content[:first] + bytes(last - first) + content[last:]


def renumbered(content: bytes, rng: np.random.Generator) -> bytes:
    """A number replaced by what is none, or absurd; in a binary file the digits that happen to be there."""
    found = list(NUMBER.finditer(content))
    if not found:
        return flipped(content, rng)
    at = found[int(rng.integers(len(found)))]
    return content[: at.start()] + str(rng.choice(WEIRD)).encode() + content[at.end() :]


DAMAGES = (flipped, cut, repeated, zeroed, renumbered)


def _array(save: Callable[[Any, np.ndarray], None]) -> bytes:
    file = io.BytesIO()
    save(file, np.random.default_rng(0).uniform(1, 9, (48, 64)).astype(np.float32))
    return file.getvalue()


def _npz() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        # With the date of a ZipInfo, which is always the same.
        archive.writestr(zipfile.ZipInfo("depth.npy"), _array(np.save), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _exr() -> bytes:
    import OpenEXR

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.exr"
        OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage},
                     {"Y": np.random.default_rng(0).uniform(1, 9, (48, 64)).astype(np.float32)}).write(str(path))  # fmt: skip
        return path.read_bytes()


def _prediction(path: Path) -> Any:
    model = OnDiskModel(ModelConfig(name="m", method="on_disk", path=str(path.parents[1]), kind="metric_depth"))
    return model.stored(FrameKey(path.parent.name, 0), 48, 64)


def _evidence(section: str) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        sidecar = path.with_name("clip.yaml")
        sidecar.write_text(f"scale: {{{section.format(path.name)}}}\n")
        return read_sidecar(sidecar)

    return read


def _imported(name: str) -> Callable[[Path], Any]:
    video = VideoFacts(width=640, height=480, first_timestamp_s=0.0, focal_px=500.0)
    return lambda path: registry.load("importers", name)().read(path, video)


def _video(path: Path) -> Any:
    return in_child(path.name, probed_and_hashed, path, 64)


def kinds() -> dict[str, Kind]:
    """Every kind of input, by name."""
    times = np.arange(12) / 30
    track = "timestamp_s,x_m,y_m,z_m\n" + "".join(f"{t:.4f},{t},{2 * t},0.5\n" for t in times)
    tum = "# a comment\n" + "".join(f"{t:.4f} {t} 0 0 0 0 0 1\n" for t in times)
    joints = "frame_index,person,joint,x,y,confidence\n" + "".join(
        f"{i},anna,left_knee,{100 + i},200.5,0.9\n" for i in range(12)
    )
    poses = "https://example.org/v\n" + "".join(
        f"{40000 * i} 0.8 1.1 0.5 0.5 0 0 1 0 0 {i} 0 1 0 0 0 0 1 0\n" for i in range(12)
    )
    _, png = cv2.imencode(".png", np.random.default_rng(0).integers(1, 9000, (48, 64)).astype(np.uint16))
    return {
        "video": Kind((DEMO / "mannequin.mp4").read_bytes(), "clip.mp4", _video),
        "sidecar": Kind(SIDECAR, "clip.yaml", read_sidecar),
        "configuration": Kind(b"videos: v\nout: o\nseed: 3\nsfm: {min_points: 50}\n", "config.yaml", read_config),
        "protocol": Kind((SHIPPED_FOLDER / "sfm_gt.yaml").read_bytes(), "mine.yaml", lambda p: load_protocol(str(p))),
        "track": Kind(track.encode(), "track.csv", _evidence("positions: [{{file: {}, sigma_m: 1}}]")),
        "trajectory": Kind(tum.encode(), "track.txt", _evidence("positions: [{{file: {}, sigma_m: 1}}]")),
        "joints": Kind(joints.encode(), "joints.csv", _evidence("people: {{joints: {}}}")),
        "imported poses": Kind(poses.encode(), "poses.txt", _imported("mannequin_challenge")),
        "imported trajectory": Kind(tum.encode(), "poses.txt", _imported("tum")),
        "npy": Kind(_array(np.save), "000000.npy", _prediction),
        "npz": Kind(_npz(), "000000.npz", _prediction),
        "exr": Kind(_exr(), "000000.exr", _prediction),
        "png": Kind(png.tobytes(), "000000.png", _prediction),
    }


def inputs(n_inputs: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Kind, damage and bytes of each input; every kind of each damage in turn, videos less often."""
    known = kinds()
    others = [name for name in known if name != "video"]
    n_videos = round(VIDEO_SHARE * n_inputs)
    for number in range(n_inputs):
        rng = np.random.default_rng([seed, number])
        name = "video" if number < n_videos else others[number % len(others)]
        damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
        yield name, damage.__name__, damage(known[name].sound, rng)


def judged(kind: Kind, content: bytes, folder: Path) -> tuple[str, str]:
    """``read``, ``refused`` or ``fault``, and what was said."""
    path = folder / "clip" / kind.name
    path.parent.mkdir()
    path.write_bytes(content)
    (folder / "predictions.yaml").write_text("unit: 0.001\n")
    began = time.monotonic()
    try:
        kind.read(path)
        verdict, said = "read", ""
    except SfmGtError as error:
        said = str(error)
        verdict = "refused" if "\n" not in said and path.name in said else "fault"
    except BaseException as error:
        verdict, said = "fault", f"{type(error).__name__}: {error}"
        if isinstance(error, KeyboardInterrupt):
            raise
    if time.monotonic() - began > MAX_SECONDS:
        verdict, said = "fault", f"took {time.monotonic() - began:.0f} s"
    return verdict, said


def run(n_inputs: int, seed: int) -> dict[str, Any]:
    """Counts by kind, and every fault with the number that makes it again."""
    known = kinds()
    counts = {name: {"inputs": 0, "read": 0, "refused": 0, "fault": 0} for name in known}
    faults = []
    for number, (name, damage, content) in enumerate(inputs(n_inputs, seed)):
        with tempfile.TemporaryDirectory() as folder:
            verdict, said = judged(known[name], content, Path(folder))
        counts[name]["inputs"] += 1
        counts[name][verdict] += 1
        if verdict == "fault":
            faults.append({"number": number, "kind": name, "damage": damage, "said": said[:300]})
    return {"seed": seed, "inputs": n_inputs, "kinds": counts, "faults": faults}


def main() -> None:
    """Prints the counts; exit status 1 where there are faults."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--inputs", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = run(arguments.inputs, arguments.seed)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    for name, count in found["kinds"].items():
        print(f"{name:20}" + "".join(f"{key} {value:5}  " for key, value in count.items()))
    for fault in found["faults"]:
        print(f"fault: {fault}")
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
