"""Sub-pixel refinement of tracks: every observation of a point is matched against one reference view of it.

Feature detectors place the same point anew in every keyframe, a third of a pixel off; the focal length of a hand-held clip
hangs on less than that. Matching all views against one patch makes the positions agree with one another, which is all that
bundle adjustment asks for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pycolmap
from jaxtyping import UInt8

from sfm_gt.geometry.conventions import integer_centred_from_pixel, pixel_from_integer_centred
from sfm_gt.imaging.tracking import Tracker

# An observation that moves farther than this, or does not come back to the reference to within that, matched something
# else. It keeps its detected position then: views far apart look too different for a plain shift of a patch, and they are
# the ones that hold the focal length.
MAX_MOVE_PX = 1.5
TRACKER = Tracker(window_px=13, levels=0, max_step_px=0.003, max_round_trip_px=0.2)


def refine_observations(
    model: pycolmap.Reconstruction,
    load_gray: Callable[[str], UInt8[np.ndarray, "h w"]],
    keyframes: set[str],
) -> None:
    """Moves all observations of each point to where they match its reference view; those that match nowhere stay.

    Args:
        model: changed in place.
        load_gray: an image by its name.
        keyframes: names of the images that may serve as reference: their features were detected, not tracked.
    """
    by_reference = _group(model, keyframes)
    for reference_id, targets in sorted(by_reference.items()):
        reference = model.images[reference_id]
        gray = load_gray(reference.name)
        for target_id, pairs in sorted(targets.items()):
            target = model.images[target_id]
            start = np.array([reference.points2D[own].xy for own, _ in pairs])
            guess = np.array([target.points2D[other].xy for _, other in pairs])
            found, good = _match(gray, load_gray(target.name), start, guess)
            for (_, other), xy, accepted in zip(pairs, found, good, strict=True):
                if accepted:
                    target.points2D[other].xy = xy


Pairs = dict[int, list[tuple[int, int]]]


def _group(model: pycolmap.Reconstruction, keyframes: set[str]) -> dict[int, Pairs]:
    """By reference image and target image: rows of the same point in both. A point's reference is its middle keyframe."""
    order = {image.image_id: rank for rank, image in enumerate(sorted(model.images.values(), key=lambda i: i.name))}
    by_reference: dict[int, Pairs] = defaultdict(lambda: defaultdict(list))
    for _, point in sorted(model.points3D.items()):
        elements = sorted(point.track.elements, key=lambda element: order[element.image_id])
        anchors = [element for element in elements if model.images[element.image_id].name in keyframes]
        if not anchors:
            continue
        reference = anchors[len(anchors) // 2]
        for element in elements:
            if element.image_id != reference.image_id:
                rows = (reference.point2D_idx, element.point2D_idx)
                by_reference[reference.image_id][element.image_id].append(rows)
    return by_reference


def _match(
    reference: np.ndarray, target: np.ndarray, start: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions in ``target`` (pixels, centres at +0.5) and whether each can be trusted."""
    guess_cv = integer_centred_from_pixel(guess)
    found, good = TRACKER.follow(reference, target, integer_centred_from_pixel(start), guess_cv)
    good &= np.linalg.norm(found - guess_cv, axis=1) < MAX_MOVE_PX
    return pixel_from_integer_centred(found.astype(np.float64)), good
