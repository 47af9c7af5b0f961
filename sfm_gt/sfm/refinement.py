"""Sub-pixel refinement of tracks: every observation of a point is matched against one reference view of it.

Feature detectors place the same point anew in every keyframe, a third of a pixel off; the focal length of a hand-held clip
hangs on less than that. Matching all views against one patch makes the positions agree with one another, which is all that
bundle adjustment asks for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pycolmap
from jaxtyping import Float, Int, UInt8

from sfm_gt.geometry.conventions import integer_centred_from_pixel, pixel_from_integer_centred
from sfm_gt.imaging.pools import in_parallel
from sfm_gt.imaging.tracking import Tracker
from sfm_gt.sfm.observations import Observations, move_observations

Rows = Int[np.ndarray, " _"]

# An observation that moves farther than this, or does not come back to the reference to within that, matched something
# else. It keeps its detected position then: views far apart look too different for a plain shift of a patch, and they are
# the ones that hold the focal length.
MAX_MOVE_PX = 1.5
TRACKER = Tracker(window_px=13, levels=0, max_step_px=0.003, max_round_trip_px=0.2)


def refine_observations(
    model: pycolmap.Reconstruction,
    load_gray: Callable[[str], UInt8[np.ndarray, "h w"]],
    keyframes: set[str],
    n_threads: int = 1,
) -> None:
    """Moves all observations of each point to where they match its reference view; those that match nowhere stay.

    Args:
        model: changed in place.
        load_gray: an image by its name.
        keyframes: names of the images that may serve as reference: their features were detected, not tracked.
        n_threads: the result does not depend on it.
    """
    seen = Observations.of(model)
    reference = _references(seen, keyframes)
    rows = np.flatnonzero((reference >= 0) & (seen.views != seen.views[reference]))
    # By reference view, and for each of these by the view to match.
    rows = rows[np.lexsort((seen.views[rows], seen.views[reference[rows]]))]

    def refined(rows: Rows) -> Float[np.ndarray, "_ 2"]:
        gray = load_gray(seen.names[seen.views[reference[rows[0]]]])
        return np.concatenate([
            _match(gray, load_gray(seen.names[seen.views[some[0]]]), seen.xy[reference[some]], seen.xy[some])
            for some in _split(rows, seen.views[rows])
        ])  # fmt: skip

    xy, by_reference = seen.xy.copy(), _split(rows, seen.views[reference[rows]])
    for some, found in zip(by_reference, in_parallel(refined, by_reference, n_threads), strict=True):
        xy[some] = found
    move_observations(model, seen, xy)


def _references(seen: Observations, keyframes: set[str]) -> Int[np.ndarray, " m"]:
    """By observation that of its point in the middle one of the keyframes that see it; -1 where none does."""
    anchors = np.flatnonzero(np.isin(seen.names, sorted(keyframes))[seen.views])
    anchors = anchors[np.argsort(seen.points[anchors], kind="stable")]
    count = np.bincount(seen.points[anchors], minlength=len(seen.xyz))
    middle = np.full(len(seen.xyz), -1)
    middle[count > 0] = anchors[(np.cumsum(count) - count + count // 2)[count > 0]]
    return middle[seen.points]


def _split(rows: Rows, key: Int[np.ndarray, " _"]) -> list[Rows]:
    """``rows`` cut where ``key`` changes."""
    return np.split(rows, np.flatnonzero(np.diff(key)) + 1) if len(rows) else []


def _match(reference: np.ndarray, target: np.ndarray, start: np.ndarray, guess: np.ndarray) -> Float[np.ndarray, "_ 2"]:
    """Positions in ``target`` (pixels, centres at +0.5): those found where they can be trusted, else the guesses."""
    guess_cv = integer_centred_from_pixel(guess)
    found, good = TRACKER.follow(reference, target, integer_centred_from_pixel(start), guess_cv)
    good &= np.linalg.norm(found - guess_cv, axis=1) < MAX_MOVE_PX
    return np.where(good[:, None], pixel_from_integer_centred(found.astype(np.float64)), guess)
