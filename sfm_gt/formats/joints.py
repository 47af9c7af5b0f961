"""2-D joints of people in a CSV file: one row a joint seen in a frame.

frame_index, person, joint, x, y[, confidence]

``x``, ``y``: pixels of the source video, centres at +0.5. ``joint``: one of JOINTS, COCO's names; others are left out.
Rows with a confidence below MIN_CONFIDENCE are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.number_table import MAX_FRAME_INDEX, Field, numbers, read_rows, with_header, within

SIDES = ("left", "right")
JOINTS = tuple(
    f"{side}_{part}" for part in ("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in SIDES
)
MIN_CONFIDENCE = 0.5
MAX_PEOPLE = 1000  # every two of them are compared
COLUMNS = ("frame_index", "person", "joint", "x", "y")
# Joints may lie outside of the picture, by as much as a body is long.
NUMBERS = (Field("frame_index", 0, MAX_FRAME_INDEX), within("x", 1e5), within("y", 1e5), Field("confidence", 0, 1))

JointTracks = Mapping[str, Mapping[str, Mapping[int, Float[np.ndarray, "2"]]]]
"""Pixel position by person, joint and frame index."""


def read_joints(path: Path) -> JointTracks:
    """Joints as stated.

    Raises:
        InputError: a table without the columns or without a known joint, too many people, a joint that stands twice, or a
            number that cannot be; with the line.
    """
    columns, rows = with_header(path, read_rows(path, ","))
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; needed {', '.join(COLUMNS)} and, if known, confidence")
    used = [(line, entries) for line, entries in rows if entries[columns["joint"]] in JOINTS]
    if not used:
        raise InputError(f"{path}: no known joint; needed some of {', '.join(JOINTS)}")
    fields = NUMBERS if "confidence" in columns else NUMBERS[:3]
    values = numbers(path, [(line, [entries[columns[f.name]] for f in fields]) for line, entries in used], fields)
    tracks: dict[str, dict[str, dict[int, Float[np.ndarray, "2"]]]] = {}
    for (line, entries), (frame, x, y, *confidence) in zip(used, values.tolist(), strict=True):
        person, joint = entries[columns["person"]], entries[columns["joint"]]
        if not frame.is_integer():
            raise InputError(f"{path}: line {line}: frame_index is {frame:g}; needed a whole number")
        if confidence and confidence[0] < MIN_CONFIDENCE:
            continue
        seen = tracks.setdefault(person, {}).setdefault(joint, {})
        if int(frame) in seen:
            raise InputError(f"{path}: line {line}: {joint} of {one_line(person)} stands twice for frame {int(frame)}; "
                             "remove one")  # fmt: skip
        seen[int(frame)] = np.array([x, y], dtype=np.float64)
    if len(tracks) > MAX_PEOPLE:
        raise InputError(f"{path}: {len(tracks)} people; needed at most {MAX_PEOPLE}, one name a person in all frames")
    return tracks
