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

from sfm_gt.errors import InputError

SIDES = ("left", "right")
JOINTS = tuple(
    f"{side}_{part}" for part in ("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in SIDES
)
MIN_CONFIDENCE = 0.5
COLUMNS = ("frame_index", "person", "joint", "x", "y")

JointTracks = Mapping[str, Mapping[str, Mapping[int, Float[np.ndarray, "2"]]]]
"""Pixel position by person, joint and frame index."""


def read_joints(path: Path) -> JointTracks:
    """Joints as stated. Raises InputError for a table without the columns, without a known joint, or with a joint twice."""
    # The workflow loads every cue before it runs one, and half a second of pandas with it.
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype={"person": str})
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: not a CSV table ({' '.join(str(error).split())})") from None
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; needed {', '.join(COLUMNS)} and, if known, confidence")
    if not table["joint"].isin(JOINTS).any():
        raise InputError(f"{path}: no known joint; needed some of {', '.join(JOINTS)}")
    used = table[table["joint"].isin(JOINTS)]
    if "confidence" in used.columns:
        used = used[used["confidence"] >= MIN_CONFIDENCE]
    twice = used[used.duplicated(["frame_index", "person", "joint"])]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(f"{path}: {row['joint']} of {row['person']} stands twice for frame {row['frame_index']}")
    tracks: dict[str, dict[str, dict[int, Float[np.ndarray, "2"]]]] = {}
    for frame, person, joint, x, y in used[list(COLUMNS)].itertuples(index=False):
        tracks.setdefault(person, {}).setdefault(joint, {})[int(frame)] = np.array([x, y], dtype=np.float64)
    return tracks
