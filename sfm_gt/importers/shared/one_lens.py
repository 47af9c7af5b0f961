"""One lens for all frames of a video, of a file that states one for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import Lens, checked_lens
from sfm_gt.importers.shared.video_facts import require_sane

# Autofocus moves the focal length a little, stabilisation the principal point. The track has one lens: 1 % of its focal length
# moves a point by 1 % of its distance from the middle.
MAX_SPREAD = 0.01
ROUNDING = 1e-4  # two lenses this close are one that was rounded


def one_lens(path: Path, lenses: Float[np.ndarray, "n 6"], remedy: str) -> tuple[Lens, tuple[str, ...]]:
    """The median of the lenses of all frames, and a remark where they differ.

    Args:
        lenses: fx, fy, cx, cy, k1 and k2 of each frame as in :class:`~sfm_gt.formats.camera_track.Lens`.
        remedy: what to do where they differ too much, the end of the message.

    Raises:
        InputError: a lens that is none, or one that changes by more than 1 % of the focal length or of the picture's size.
    """
    lens = checked_lens(path, require_sane(path, Lens(*np.median(lenses, axis=0).tolist())))
    spreads = {
        "focal length": _spread(lenses[:, 0], lenses[:, 1]),
        "principal point": float(np.ptp(lenses[:, 2:4], axis=0).max()),
        "distortion at the corners": _spread(_stretched(lens, lenses[:, 4:])),
    }
    for name, spread in spreads.items():
        if not spread <= MAX_SPREAD:
            raise InputError(f"{path}: the {name} changes by {100 * spread:.1f} % between frames; needed one lens (at most "
                             f"{100 * MAX_SPREAD:g} %): {remedy}")  # fmt: skip
    differs = [f"{name} by {100 * spread:.2g} %" for name, spread in spreads.items() if spread > ROUNDING]
    remark = f"{path.name}: lenses of frames differ ({', '.join(differs)}); their median is used for all"
    return lens, (remark,) if differs else ()


def _spread(*values: Float[np.ndarray, " n"]) -> float:
    return float(max(np.ptp(one) / max(abs(np.median(one)), ROUNDING) for one in values))


def _stretched(lens: Lens, distortion: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
    """By how much each distortion moves the corner farthest from the middle away from it, as a factor."""
    r2 = (max(lens.cx, 1 - lens.cx) / lens.fx) ** 2 + (max(lens.cy, 1 - lens.cy) / lens.fy) ** 2
    stretched: Float[np.ndarray, " n"] = 1 + distortion[:, 0] * r2 + distortion[:, 1] * r2**2
    return stretched
