"""Background plates of the embedded clip against the rendered room without its people.

    python benchmarks/accuracy/plates.py OUT [--save]

OUT is the output folder of a finished run on examples/demo with the person networks of docs/masks.md. Makes its
layers and holds them against examples/demo/truth/background. --save writes benchmarks/results/plates.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path

import cv2
import numpy as np

import sfm_gt
from sfm_gt.commands import layers
from sfm_gt.formats.dataset_layout import LAYERS_FOLDER

REPOSITORY = Path(__file__).resolve().parents[2]
TRUTH = REPOSITORY / "examples" / "demo" / "truth"
RESULT = REPOSITORY / "benchmarks" / "results" / "plates.json"
# A plate's depth is the room's when it lies so near to it, or to what is seen a pixel aside.
SAME_SURFACE = 0.03


def scored(folder: Path, frame: sfm_gt.Frame, unit_m: float) -> dict[str, int]:
    """Counts of one frame's pixels: called background, rightly, and the same on the truth's people."""
    name = f"{frame.frame_index:06d}.png"
    room, people, plate, valid = (
        cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        for path in (TRUTH / "background" / name, TRUTH / "person" / name, folder / "plate_depth" / name,
                     folder / "plate_valid" / name)
    )  # fmt: skip
    depth, kernel = plate * frame.depth_unit, np.ones((3, 3), np.uint8)
    near, far = cv2.erode(room, kernel) * unit_m, cv2.dilate(room, kernel) * unit_m
    is_room = (depth > (1 - SAME_SURFACE) * near) & (depth < (1 + SAME_SURFACE) * far)
    is_room |= (plate == 0) & (people == 0)  # no depth, and nobody stands there: the picture is all that is claimed
    masked, shown = (people > 0) & frame.person, valid > 0
    return {
        "valid": int(shown.sum()), "valid_right": int((shown & is_room).sum()), "masked": int(masked.sum()),
        "masked_valid": int((shown & masked).sum()), "masked_right": int((shown & masked & is_room).sum()),
    }  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.relative_to(REPOSITORY)}")
    arguments = parser.parse_args()
    dataset = sfm_gt.open_dataset(arguments.out)
    (clip_id,) = dataset.clip_ids
    folder = dataset.path / LAYERS_FOLDER / clip_id
    shutil.rmtree(folder, ignore_errors=True)
    started = time.process_time()
    layers.run(arguments.out, [clip_id], seed=0)
    seconds = time.process_time() - started
    unit_m = json.loads((TRUTH / "truth.json").read_text())["unit_m"]
    frames = [frame for frame in dataset if (TRUTH / "background" / f"{frame.frame_index:06d}.png").is_file()]
    counts = [scored(folder, frame, unit_m) for frame in frames]
    total = {key: sum(count[key] for count in counts) for key in counts[0]}
    found = {
        "frames": len(frames), "cpu_seconds_a_frame": round(seconds / len(dataset), 2),
        "right_of_valid": round(total["valid_right"] / total["valid"], 4),
        "right_under_masks": round(total["masked_right"] / total["masked_valid"], 4),
        "found_under_masks": round(total["masked_valid"] / total["masked"], 4),
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    if arguments.save:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
