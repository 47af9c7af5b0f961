"""Pictures of good and bad clips for docs/filming.md: three frames of each, with what came of it.

    python benchmarks/figures/filming.py

The good clips are rooms of examples/rooms, the bad ones are made by benchmarks/accuracy/hallucinations.py; what came of them is
read from benchmarks/results. Writes docs/pictures/filming_good.webp and filming_bad.webp.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.footage import read_frames  # noqa: E402
from benchmarks.accuracy.hallucinated_clips import Sources  # noqa: E402 - scripts beside the package, not in it
from benchmarks.accuracy.hallucinations import make_clip  # noqa: E402
from benchmarks.figures.picture import label_font  # noqa: E402

RESULTS = REPOSITORY / "benchmarks" / "results"
PICTURES = REPOSITORY / "docs" / "pictures"
GOOD = {
    "bricks": "walk around people who hold still",
    "wallpaper": "walk towards them",
    "portrait": "upright, with a longer lens",
    "waves": "one man waves at the end",
}
BAD = {
    "turning_camera": "turn on the spot",
    "still_camera_with_movers": "leave the camera on a tripod",
    "photograph_filmed": "film a flat picture",
    "two_takes_in_turn": "cut between scenes every few frames",
}
SHOWN = (0.05, 0.5, 0.95)  # of the clip
SIZE_PX = (240, 160)
LABEL_PX = 26
QUALITY = 70


def main() -> None:
    rooms = json.loads((RESULTS / "rooms.json").read_text())
    refused = {row["kind"]: row for row in json.loads((RESULTS / "hallucinations.json").read_text())["rows"]}
    good = [(f"{label}: {_kept(rooms[name])}", _room(name)) for name, label in GOOD.items()]
    bad = [(f"{label}: {_reason(refused[kind])}", make_clip(kind, 0, Sources.of(None))) for kind, label in BAD.items()]
    for name, rows in (("filming_good", good), ("filming_bad", bad)):
        _sheet(rows).save(PICTURES / f"{name}.webp", quality=QUALITY, method=6)


def _kept(room: dict[str, Any]) -> str:
    last = room["frozen"]["found"][1]
    return "kept" if last == 59 else f"kept up to frame {last} of 60"


def _reason(row: dict[str, Any]) -> str:
    """The reason of the longest part that was refused."""
    return "refused, " + max(row["refused"], key=lambda part: part["frames"])["reason"]


def _room(name: str) -> list[np.ndarray]:
    return list(read_frames(REPOSITORY / "examples" / "rooms" / "videos" / f"{name}.mp4", 0, 59))


def _sheet(rows: list[tuple[str, list[np.ndarray]]]) -> Image.Image:
    """A row a clip, its label above the frames."""
    width, height = SIZE_PX
    sheet = Image.new("RGB", (width * len(SHOWN), (height + LABEL_PX) * len(rows)), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(label_font(), LABEL_PX // 2)
    for row, (label, frames) in enumerate(rows):
        top = row * (height + LABEL_PX)
        draw.text((6, top + 5), label, (0, 0, 0), font)
        for column, share in enumerate(SHOWN):
            sheet.paste(_fitted(frames[round(share * (len(frames) - 1))]), (column * width, top + LABEL_PX))
    return sheet


def _fitted(frame: np.ndarray) -> Image.Image:
    """The frame inside SIZE_PX, on grey."""
    scale = min(SIZE_PX[0] / frame.shape[1], SIZE_PX[1] / frame.shape[0])
    size = round(frame.shape[1] * scale), round(frame.shape[0] * scale)
    panel = Image.new("RGB", SIZE_PX, (128, 128, 128))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    panel.paste(Image.fromarray(small), ((SIZE_PX[0] - size[0]) // 2, (SIZE_PX[1] - size[1]) // 2))
    return panel


if __name__ == "__main__":
    main()
