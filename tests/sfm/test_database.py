"""Features of the keyframes keep off what is ignored; matches are the same on any number of threads."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pycolmap

from sfm_gt.sfm.database import match_sift, open_database

HEIGHT, WIDTH = 120, 160
# A mask is looked up at the pixel that holds the feature, or the one beside it.
BORDER_PX = 1.0


def test_no_feature_is_taken_where_something_is_ignored(tmp_path: Path) -> None:
    names = ["000000.png", "000001.png"]
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    for name in names:
        cv2.imwrite(str(tmp_path / name), cv2.GaussianBlur(noise, (0, 0), 1.5))
    # The left half of one picture and the right half of the other: each has a mask of its own.
    left = np.zeros((HEIGHT, WIDTH), dtype=bool)
    left[:, : WIDTH // 2] = True
    database = tmp_path / "database.db"
    reader = open_database(database, tmp_path, names, None)
    match_sift(database, tmp_path, names, {names[0]: left, names[1]: ~left}, reader, 500, seed=0, n_threads=1)
    with pycolmap.Database.open(database) as content:
        x = {image.name: content.read_keypoints(image.image_id)[:, 0] for image in content.read_all_images()}
    assert min(map(len, x.values())) > 20, "beside it there are features"
    assert (x[names[0]] > WIDTH / 2 - BORDER_PX).all()
    assert (x[names[1]] < WIDTH / 2 + BORDER_PX).all()


def test_matches_are_the_same_on_any_number_of_threads(tmp_path: Path) -> None:
    names = [f"{index:06d}.png" for index in range(6)]
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH + 60), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    for index, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), smooth[:, 10 * index : 10 * index + WIDTH])

    def matched(n_threads: int) -> list[tuple[int, list[list[int]]]]:
        database = tmp_path / f"{n_threads}.db"
        reader = open_database(database, tmp_path, names, None)
        match_sift(database, tmp_path, names, {}, reader, 500, seed=0, n_threads=n_threads)
        with pycolmap.Database.open(database) as content:
            pairs, geometries = content.read_two_view_geometries()
        return [(pair, geometry.inlier_matches.tolist()) for pair, geometry in zip(pairs, geometries, strict=True)]

    alone, together = matched(1), matched(3)
    assert len(alone) > len(names)
    assert alone == together
