"""Learned features: weights are loaded by name, keypoints keep off what is ignored, matches reach COLMAP's database."""

from __future__ import annotations

import cv2
import numpy as np
import pycolmap
import pytest

from sfm_gt.errors import InputError
from sfm_gt.sfm.database import open_database
from sfm_gt.sfm.learned import DETECTOR_WEIGHTS, MATCHER_WEIGHTS, LearnedFeatures, write_learned_matches

HEIGHT, WIDTH = 96, 128
DARK = 20  # grey level of a picture without spots


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights under the names of the published files: what they find means nothing, how it travels does."""
    import torch
    from kornia.feature import ALIKED, LightGlue

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    torch.save(ALIKED("aliked-n16").state_dict(), folder / DETECTOR_WEIGHTS)
    published = {
        ".".join((*parts[2:3], parts[1], *parts[3:]))
        if (parts := name.split("."))[0] == "transformers"
        else name: value
        for name, value in LightGlue(None, input_dim=128).state_dict().items()
    }
    assert any(name.startswith("self_attn.0.") for name in published)
    torch.save(published, folder / MATCHER_WEIGHTS)
    return folder


def test_missing_and_foreign_weights_are_named(weights, tmp_path):
    with pytest.raises(InputError, match=DETECTOR_WEIGHTS):
        LearnedFeatures(tmp_path, 100)
    (tmp_path / DETECTOR_WEIGHTS).write_bytes((weights / MATCHER_WEIGHTS).read_bytes())
    with pytest.raises(InputError, match="ALIKED"):
        LearnedFeatures(tmp_path, 100)


class Spots(LearnedFeatures):
    """Finds bright pixels in place of a network, and tells them apart by their brightness."""

    def __init__(self) -> None:
        pass

    def extract(self, rgb):
        import torch

        rows, columns = np.nonzero(rgb[..., 0] > DARK)
        return {
            "keypoints": torch.from_numpy(np.stack([columns, rows], axis=1).astype(np.float32))[None],
            "descriptors": torch.from_numpy(rgb[rows, columns, :1].astype(np.float32))[None],
        }

    def match(self, a, b):
        same = a["descriptors"][0] == b["descriptors"][0].T
        return np.argwhere(same.numpy()).astype(np.uint32)


def test_keypoints_lie_at_pixel_centres_and_matches_name_those_that_were_kept(tmp_path):
    names = ["000000.png", "000001.png"]
    # Column, row and brightness; the second picture shows the same spots elsewhere.
    spots = {names[0]: [(30, 10, 100), (40, 20, 150), (50, 30, 200), (60, 40, 250)],
             names[1]: [(33, 40, 100), (43, 30, 150), (53, 20, 200), (63, 10, 250)]}  # fmt: skip
    for name, placed in spots.items():
        picture = np.full((HEIGHT, WIDTH), DARK, np.uint8)
        for column, row, brightness in placed:
            picture[row, column] = brightness
        cv2.imwrite(str(tmp_path / name), picture)
    ignored = np.zeros((HEIGHT, WIDTH), dtype=bool)
    ignored[15:25, 35:45] = True  # over the spot of brightness 150 in the first picture
    database = tmp_path / "database.db"
    open_database(database, tmp_path, names, None)
    write_learned_matches(database, tmp_path, {names[0]: ignored}, [(names[0], names[1])], Spots())
    with pycolmap.Database.open(database) as content:
        first, second = (content.read_image_with_name(name).image_id for name in names)
        xy = [content.read_keypoints(image)[:, :2] for image in (first, second)]
        matches = content.read_matches(first, second)
    # COLMAP's pixel centres lie at +0.5, the detector's at integers.
    assert sorted(xy[0].tolist()) == [[30.5, 10.5], [50.5, 30.5], [60.5, 40.5]]
    assert sorted(map(tuple, np.hstack([xy[0][matches[:, 0]], xy[1][matches[:, 1]]]).tolist())) == [
        (30.5, 10.5, 33.5, 40.5), (50.5, 30.5, 53.5, 20.5), (60.5, 40.5, 63.5, 10.5),
    ]  # fmt: skip


def test_keypoints_and_matches_reach_the_database(weights, tmp_path):
    rng = np.random.default_rng(0)
    names = ["000000.png", "000001.png"]
    picture = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), (0, 0), 1.5)
    for name in names:
        cv2.imwrite(str(tmp_path / name), picture)
    database = tmp_path / "database.db"
    open_database(database, tmp_path, names, None)
    left = np.zeros((HEIGHT, WIDTH), dtype=bool)
    left[:, : WIDTH // 2] = True
    ignored = dict.fromkeys(names, left)
    features = LearnedFeatures(weights, 64)
    # Weights that know nothing are sure of nothing: take all that are each other's best.
    features._matcher.conf.filter_threshold = 0.0
    write_learned_matches(database, tmp_path, ignored, [(names[0], names[1])], features)
    with pycolmap.Database.open(database) as content:
        keypoints = [content.read_keypoints(image.image_id) for image in content.read_all_images()]
        matches = content.read_matches(*sorted(image.image_id for image in content.read_all_images()))
    assert len(keypoints[0]) > 0
    assert keypoints[0] == pytest.approx(keypoints[1]), "the same picture gives the same keypoints"
    assert (keypoints[0][:, 0] >= WIDTH / 2).all()
    assert len(matches) > 0
    assert (matches[:, 0] == matches[:, 1]).any(), "the same picture matches itself"
    assert matches.max() < len(keypoints[0])
