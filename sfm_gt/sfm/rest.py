"""What moves in a reconstructed clip, and the interval in which its scene is frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import cv2
import numpy as np
import pycolmap
from jaxtyping import Bool, Float, UInt8

from sfm_gt.errors import Rejected
from sfm_gt.formats.frame_folder import FrameList, FrozenInterval
from sfm_gt.formats.shutter_shifts import ShutterShifts
from sfm_gt.imaging.pools import in_parallel
from sfm_gt.imaging.regions import dilate
from sfm_gt.sfm.clip_views import undistortion_of
from sfm_gt.sfm.frozen import MAX_CALM, MAX_VACATED, MIN_KNOWN, SEEN_LATE_FRAMES, FrameMotion, frozen_interval
from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.pruning import seen_again
from sfm_gt.sfm.rectification import shift_fields
from sfm_gt.sfm.rigidity import Motion, PosedImage, find_motion
from sfm_gt.sfm.rolling_shutter import Readout
from sfm_gt.sfm.undistortion import Undistortion
from sfm_gt.sfm.vacated import MOMENT_S, vacated_shares

# Long side of the images that motion is looked for in; the limits of masks.rigidity were set at this size.
WORKING_LONG_SIDE_PX = 320
MARGIN_PX = 1  # round what moves, in working pixels
# Nothing is nearer to a camera than this share of the depth of the nearest sparse points, which are few and by chance.
NEAREST_SHARE, NEAREST_QUANTILE = 0.5, 0.01


@dataclass(frozen=True)
class Rest:
    """What moves in each registered frame, by frame index, and the model it was found with.

    Attributes:
        motions: small and undistorted.
        vacated: shares of points that have left their place, against the frames before and after.
    """

    motions: Mapping[int, Motion]
    vacated: Mapping[int, tuple[float, float]]
    listed: FrameList
    seen: Observations

    @cached_property
    def moving(self) -> dict[int, Bool[np.ndarray, "h w"]]:
        """Masks with their margin, by frame index; empty where the frame is at rest against all before or all after it."""
        return {
            index: np.zeros_like(motion.moving) if _at_rest_on_a_side(motion) else dilate(motion.moving, MARGIN_PX)
            for index, motion in self.motions.items()
        }

    def interval(self, max_moving: float, min_frames: int) -> FrozenInterval:
        """The frozen interval. Raises Rejected (``scene_not_frozen``) where there is none."""
        repeated = {frame.frame_index for frame in self.listed.frames if frame.repeated}
        indices = sorted(self.motions)
        times_s = self.listed.times_s(indices)
        judged = [
            self._judged(index, times_s - own_s, index not in repeated)
            for index, own_s in zip(indices, times_s, strict=True)
        ]
        lens, masks = Undistortion.of(self.seen.camera), [self.motions[index].moving for index in indices]
        returned = partial(seen_again, self.seen, lens, masks)
        first, last = frozen_interval(judged, max_moving, min_frames, returned)
        score = {
            index: round(1.0 - one.share, 4) if one.known >= MIN_KNOWN else None
            for index, one in zip(indices, judged, strict=True)
        }
        return FrozenInterval(indices[first], indices[last], score)

    def _judged(self, index: int, times_s: Float[np.ndarray, " n"], distinct: bool) -> FrameMotion:
        """The verdict on one frame; ``times_s`` of all frames, from its own."""
        motion, (past, future) = self.motions[index], self.vacated[index]
        reach_past, reach_future = motion.reach_past, motion.reach_future
        if past > MAX_VACATED:
            reach_past = max(reach_past, int(((times_s < 0) & (times_s >= -MOMENT_S)).sum()))
        if future > MAX_VACATED:
            reach_future = max(reach_future, int(((times_s > 0) & (times_s <= MOMENT_S)).sum()))
        return FrameMotion(
            motion.share, motion.share_past, motion.share_future, motion.known_share, reach_past, reach_future, past,
            future, distinct,
        )  # fmt: skip


def _at_rest_on_a_side(motion: Motion) -> bool:
    """Whether motion shows on one side only: a partner there sees what has not begun, or what is over."""
    sides = ((motion.share_past, motion.reach_past), (motion.share_future, motion.reach_future))
    return any(share <= MAX_CALM and reach > SEEN_LATE_FRAMES for share, reach in sides)


def find_rest(
    model: pycolmap.Reconstruction,
    readout: Readout | None,
    listed: FrameList,
    load_gray: Callable[[str], UInt8[np.ndarray, "h w"]],
    printed: Callable[[int], Bool[np.ndarray, "h w"]],
    n_threads: int = 1,
) -> Rest:
    """Looks at all registered frames of an adjusted model.

    Args:
        load_gray: grey image of a frame as filmed, by its name.
        printed: overlays on frames as filmed, by frame index.

    Raises:
        Rejected: ``sfm_failed``, nothing lies in front of the cameras.
    """
    seen = Observations.of(model)
    indices = [int(Path(name).stem) for name in seen.names]
    times_s = listed.times_s(indices)
    lens = Undistortion.of(seen.camera)
    shifts = ShutterShifts(np.array(indices), shift_fields(seen, times_s, readout)) if readout is not None else None

    def small_view(row: int) -> PosedImage:
        index = indices[row]
        filmed = load_gray(seen.names[row])
        return _small_view(undistortion_of(lens, shifts, index), filmed, printed(index), seen.cam_from_world[row])

    views = list(in_parallel(small_view, range(len(indices)), n_threads))
    depths = seen.points_cam(seen.views)[:, 2]
    in_front = depths[depths > 0]
    if len(in_front) == 0:
        raise Rejected("sfm_failed", "no point of the model is left in front of its cameras; it needs a static, textured scene "
                       "and a camera that moves past it", 0, 1)  # fmt: skip
    nearest = NEAREST_SHARE * float(np.quantile(in_front, NEAREST_QUANTILE))
    motions = find_motion(views, times_s, nearest, n_threads)
    vacated = zip(*(shares.tolist() for shares in vacated_shares(seen, times_s, load_gray)), strict=True)
    return Rest(dict(zip(indices, motions, strict=True)), dict(zip(indices, vacated, strict=True)), listed, seen)


def _small_view(
    lens: Undistortion, filmed: UInt8[np.ndarray, "h w"], printed: Bool[np.ndarray, "h w"], pose: np.ndarray
) -> PosedImage:
    camera = lens.camera
    factor = min(1.0, WORKING_LONG_SIDE_PX / max(camera.width, camera.height))
    size = round(camera.width * factor), round(camera.height * factor)
    usable = (lens.inside & ~lens.mask(printed)).astype(np.uint8)
    return PosedImage(
        _resized(lens.image(filmed), size), cv2.resize(usable, size, interpolation=cv2.INTER_NEAREST) > 0,
        camera.resized(*size), pose,
    )  # fmt: skip


def _resized(image: UInt8[np.ndarray, "h w"], size: Sequence[int]) -> UInt8[np.ndarray, "h2 w2"]:
    return image if image.shape[::-1] == tuple(size) else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
