"""Matches between keyframes that passed the geometric test of their pair, and how many of them a model explains.

COLMAP keeps observations up to 4 px off, so that a bent model (a focal length several times too long, an impossible
distortion) holds as many as the right one, or more; but it does not pass near them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pycolmap
from jaxtyping import Int

# An observation that a model explains lies at most so far from its point, in pixels: about the noise of SIFT. Set on the
# half-size demo, a half-size kitchen window, two rooms of examples/rooms and a hand-held walk: right models pass within it at
# 0.50 to 0.81 of the matches, bent ones at 0.27 to 0.60, and the right one of a clip at more than its bent ones; within 2 px
# both come to 0.7 and more.
MAX_ERROR_PX = 0.5


@dataclass(frozen=True)
class VerifiedMatches:
    """Inlier matches by pair of image ids: rows of keypoint numbers in the first and the second image."""

    by_pair: dict[tuple[int, int], Int[np.ndarray, "_ 2"]]

    @classmethod
    def of(cls, content: pycolmap.Database) -> VerifiedMatches:
        """The matches in a database."""
        pair_ids, geometries = content.read_two_view_geometries()
        pairs = map(pycolmap.pair_id_to_image_pair, pair_ids)
        return cls({tuple(pair): np.asarray(geometry.inlier_matches, dtype=np.int64).reshape(-1, 2)
                    for pair, geometry in zip(pairs, geometries, strict=True)})  # fmt: skip

    @property
    def mean_number(self) -> float:
        """Matches a pair."""
        return sum(map(len, self.by_pair.values())) / max(len(self.by_pair), 1)

    def explained_by(self, model: pycolmap.Reconstruction) -> float:
        """Share of the matches of which both ends lie within MAX_ERROR_PX of one point of ``model``; 0 where there are none.

        It counts at once the keyframes, the matches and the accuracy that a model lacks.
        """
        points = {image_id: _points_met(model, image) for image_id, image in model.images.items() if image.has_pose}
        n_explained = 0
        for (first, second), rows in self.by_pair.items():
            if first in points and second in points:
                one, other = points[first][rows[:, 0]], points[second][rows[:, 1]]
                n_explained += int(np.count_nonzero((one == other) & (one != _NO_POINT)))
        return n_explained / max(sum(map(len, self.by_pair.values())), 1)


_NO_POINT = -1


def _points_met(model: pycolmap.Reconstruction, image: pycolmap.Image) -> Int[np.ndarray, " n"]:
    """By keypoint the point that it observes closely, or _NO_POINT."""
    ids = np.full(len(image.points2D), _NO_POINT, dtype=np.int64)
    seen = [(row, point.point3D_id, point.xy) for row, point in enumerate(image.points2D) if point.has_point3D()]
    if seen:
        rows, points, xy = (np.array(column) for column in zip(*seen, strict=True))
        world = np.array([model.points3D[point].xyz for point in points.tolist()])
        pose = image.cam_from_world()
        cam = world @ pose.rotation.matrix().T + pose.translation
        error_px = np.linalg.norm(model.cameras[image.camera_id].img_from_cam(cam) - xy, axis=1)
        met = error_px <= MAX_ERROR_PX
        ids[rows[met]] = points[met]
    return ids
