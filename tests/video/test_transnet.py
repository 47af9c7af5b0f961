"""The network sees cuts where they are, and nothing of the process changes when it is loaded."""

import numpy as np
import torch

from sfm_gt.video.transnet import tiny, transition_scores
from tests.video.make_videos import panning


def test_a_cut_scores_high_at_its_last_frame_and_frames_not_wanted_score_nothing() -> None:
    frames = np.stack([tiny(frame) for seed in (1, 2) for frame in panning(30, seed=seed)])
    state = torch.random.get_rng_state()
    middle, _ = transition_scores(frames, np.arange(60) < 50)
    assert int(middle.argmax()) in (29, 30)
    assert middle.max() > 0.5
    assert not middle[50:].any()
    assert torch.equal(state, torch.random.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()
