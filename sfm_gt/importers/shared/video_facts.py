"""What an importer may know about the video that cameras are read for."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import Lens


@dataclass(frozen=True)
class VideoFacts:
    """One video.

    Attributes:
        width, height: as shown, in pixels.
        first_timestamp_s: container time of the first frame; formats that count from the start of the video begin here.
        focal_px: focal length that the sidecar states, in pixels of the source video.
        first_number: number of the video's first frame in the names of images.
    """

    width: int
    height: int
    first_timestamp_s: float
    focal_px: float | None = None
    first_number: int = 0

    def require_shape(self, path: object, width: float, height: float) -> None:
        """Raises InputError where images of this size, in pixels, are no resized frames of the video."""
        sizes = math.isfinite(width) and math.isfinite(height) and min(width, height) > 0
        if not sizes or abs(width * self.height - height * self.width) > max(width, height):
            raise InputError(f"{path}: images are {width:g} x {height:g}, the video {self.width} x {self.height}; needed "
                             "cameras of the frames as shown, uncropped")  # fmt: skip

    def stated_lens(self, path: object) -> Lens:
        """The sidecar's focal length with a centred principal point, for formats without intrinsics.

        Raises:
            InputError: the sidecar states none.
        """
        if self.focal_px is None:
            raise InputError(f"{path}: holds poses but no focal length; state camera: {{focal_px: ...}} in the sidecar")
        return Lens(self.focal_px / self.width, self.focal_px / self.height, 0.5, 0.5)


def require_sane(path: object, lens: Lens) -> Lens:
    """The lens as it is. Raises InputError where it holds a number that is not finite, or no focal length."""
    if not all(math.isfinite(value) for value in astuple(lens)) or min(lens.fx, lens.fy) <= 0:
        raise InputError(f"{path}: a lens of {lens}; needed finite numbers and focal lengths above 0")
    return lens
