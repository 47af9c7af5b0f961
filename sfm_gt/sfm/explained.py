"""Matches between keyframes that passed the geometric test of their pair, and how many of them a model explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pycolmap
from jaxtyping import Int


@dataclass(frozen=True)
class VerifiedMatches:
    """Inlier matches by pair of image ids: rows of keypoint numbers in the first and the second image."""

    by_pair: dict[tuple[int, int], Int[np.ndarray, "n 2"]]

    @classmethod
    def of(cls, content: pycolmap.Database) -> VerifiedMatches:
        """The matches in a database."""
        pair_ids, geometries = content.read_two_view_geometries()
        pairs = map(pycolmap.pair_id_to_image_pair, pair_ids)
        return cls({tuple(pair): np.asarray(geometry.inlier_matches).reshape(-1, 2)
                    for pair, geometry in zip(pairs, geometries, strict=True)})  # fmt: skip

    @property
    def mean_number(self) -> float:
        """Matches a pair."""
        return sum(map(len, self.by_pair.values())) / max(len(self.by_pair), 1)

    def explained_by(self, model: pycolmap.Reconstruction) -> float:
        """Share of the matches of which both ends are observations of one point of ``model``; 0 where there are none.

        It counts at once the keyframes and the matches that a model leaves out.
        """
        points = {image_id: _point_ids(image) for image_id, image in model.images.items() if image.has_pose}
        n_explained = 0
        for (first, second), rows in self.by_pair.items():
            if first in points and second in points:
                one, other = points[first][rows[:, 0]], points[second][rows[:, 1]]
                n_explained += int(np.count_nonzero((one == other) & (one != _NO_POINT)))
        return n_explained / max(sum(map(len, self.by_pair.values())), 1)


_NO_POINT = -1


def _point_ids(image: pycolmap.Image) -> Int[np.ndarray, " n"]:
    return np.array([p.point3D_id if p.has_point3D() else _NO_POINT for p in image.points2D], dtype=np.int64)
