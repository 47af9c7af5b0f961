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
    write_learned_matches(database, tmp_path, ignored, [(names[0], names[1])], LearnedFeatures(weights, 64))
    with pycolmap.Database.open(database) as content:
        keypoints = [content.read_keypoints(image.image_id) for image in content.read_all_images()]
        assert content.num_matched_image_pairs() in (0, 1)
    assert len(keypoints[0]) > 0
    assert keypoints[0] == pytest.approx(keypoints[1]), "the same picture gives the same keypoints"
    assert (keypoints[0][:, 0] >= WIDTH / 2).all()
