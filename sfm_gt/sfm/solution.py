"""What solving a clip leaves, whether its cameras were found or given: a model of all frames, still to be adjusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from sfm_gt.formats.frame_folder import FrameList
from sfm_gt.sfm.adjustment import Adjusted, Begun


@dataclass(frozen=True)
class Solution:
    """A model of all frames that could be registered, and how to adjust it in place.

    Attributes:
        begin: the first adjustment; None where the cameras are kept.
        finish: the last one, after images and observations were taken out; None where the cameras are kept.
        known: what the manifest says of imported cameras.
    """

    model: pycolmap.Reconstruction
    begin: Callable[[pycolmap.Reconstruction], Begun | None]
    finish: Callable[[pycolmap.Reconstruction, Begun | None], Adjusted | None]
    known: dict[str, Any]


def times_of(model: pycolmap.Reconstruction, listed: FrameList) -> np.ndarray:
    """Presentation time of each registered image, in the order of their names."""
    names = sorted(image.name for image in model.images.values() if image.has_pose)
    return listed.times_s(int(Path(name).stem) for name in names)
