"""Pictures as a release hands them out: the data set's own files, or encoded anew where faces were blurred."""

from __future__ import annotations

import cv2

from sfm_gt.datasets.frames import Dataset, Frame
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import layer_path
from sfm_gt.provenance.faces import FaceBlur

QUALITY = 95  # of the JPEG, where the clip does not say its own


class ReleasedPictures:
    """Gives the JPEG of a frame, and counts faces.

    Args:
        blur: None leaves faces as filmed.
    """

    def __init__(self, dataset: Dataset, blur: FaceBlur | None):
        self._blur = blur
        self._n_faces = self._n_found_again = 0
        configs = {clip_id: dataset.clip_info(clip_id).get("config", {}) for clip_id in dataset.clip_ids}
        self._quality = {
            clip: config.get("dataset", {}).get("jpeg_quality", QUALITY) for clip, config in configs.items()
        }

    @property
    def counts(self) -> dict[str, int] | None:
        """Faces blurred so far, and how many of them the detector still finds; None where nobody looked."""
        return {"n_faces": self._n_faces, "n_found_again": self._n_found_again} if self._blur else None

    def __call__(self, frame: Frame) -> bytes:
        """The frame's JPEG. Raises InputError when its picture is missing."""
        found = self._blur.blur(frame.image) if self._blur else None
        if found is None or not found.n_faces:
            path = layer_path(frame.dataset, frame.clip_id, "image", frame.frame_index)
            try:
                return path.read_bytes()
            except FileNotFoundError:
                raise InputError(f"{path}: missing; rebuild the clip with `sfm-gt dataset`") from None
        self._n_faces += found.n_faces
        self._n_found_again += found.n_found_again
        bgr = cv2.cvtColor(found.image, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self._quality[frame.clip_id]])
        return encoded.tobytes()
