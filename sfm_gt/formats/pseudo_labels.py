"""dataset/pseudo_labels/<teacher>/<clip>/: depth by a network, next to the ground truth and never in it.

NNNNNN.png is uint16 z-depth in steps of ``depth_unit``, 0 = none; labels.json holds who made it, how it was aligned, and how
well it agrees with the ground truth where there is some.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError, OutputError
from sfm_gt.formats.dataset_layout import quantised
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.geometry.conventions import nan_from_zero

FOLDER = "pseudo_labels"
LABELS_JSON = "labels.json"


@dataclass(frozen=True)
class PseudoLabels:
    """What a teacher said about the frames of a clip.

    Attributes:
        teacher: name of the model in the configuration.
        kind: what its values mean.
        alignment: to the ground truth, an image at a time.
        parents: SHA-256 of the teacher's file, of the source video; None where unknown.
        agreement: by frame index, the share of ground-truth pixels within a factor of 1.25, on pixels that the
            alignment did not see; ``abs_rel`` likewise.
    """

    teacher: str
    kind: str
    alignment: str
    metric: bool
    depth_unit: float
    parents: dict[str, str | None]
    agreement: dict[int, float]
    abs_rel: dict[int, float]


def labels_folder(dataset: Path, teacher: str, clip_id: str) -> Path:
    """Folder of one teacher's labels of one clip."""
    return dataset / FOLDER / teacher / clip_id


def write_label(folder: Path, frame_index: int, z_depth: Float[np.ndarray, "h w"], depth_unit: float) -> None:
    """Writes one map; NaN = none. Raises OutputError when it cannot be written."""
    path = folder / f"{frame_index:06d}.png"
    if not cv2.imwrite(str(path), quantised(z_depth, depth_unit)):
        raise OutputError(f"{path}: cannot be written; check free space and permissions")


def write_labels(folder: Path, labels: PseudoLabels) -> None:
    """Writes labels.json."""
    write_json(folder / LABELS_JSON, asdict(labels))


def read_labels(folder: Path) -> PseudoLabels:
    """Reads labels.json. Raises InputError when it is missing or broken."""
    content: dict[str, Any] = read_json(folder / LABELS_JSON)
    by_frame = {name: {int(k): v for k, v in content[name].items()} for name in ("agreement", "abs_rel")}
    return PseudoLabels(**content | by_frame)


def read_label(folder: Path, frame_index: int, depth_unit: float) -> Float[np.ndarray, "h w"]:
    """One map, float32, NaN = none. Raises InputError when it is missing or damaged."""
    path = folder / f"{frame_index:06d}.png"
    steps = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if steps is None:
        raise InputError(f"{path}: missing or unreadable; run `sfm-gt pseudo-label` on this clip again")
    return nan_from_zero(steps.astype(np.float32) * np.float32(depth_unit))
