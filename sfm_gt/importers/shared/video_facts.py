"""What an importer may know about the video that cameras are read for."""

from __future__ import annotations

from dataclasses import dataclass

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

    def stated_lens(self, path: object) -> Lens:
        """The sidecar's focal length with a centred principal point, for formats without intrinsics.

        Raises:
            InputError: the sidecar states none.
        """
        if self.focal_px is None:
            raise InputError(f"{path}: holds poses but no focal length; state camera: {{focal_px: ...}} in the sidecar")
        return Lens(self.focal_px / self.width, self.focal_px / self.height, 0.5, 0.5)
