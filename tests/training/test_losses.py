"""Losses of the reference trainer: blind to scale and shift, deaf to doubtful pixels; and the trainer itself learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.training.losses import affine_invariant, gradient_matching, weight_of
from benchmarks.training.train import Options, train

FLOAT32 = 1e-5


def maps() -> torch.Tensor:
    """(2, 16, 24) random disparity."""
    return torch.rand((2, 16, 24), generator=torch.Generator().manual_seed(0)) + 0.2


def test_scale_and_shift_cost_nothing_and_the_sign_does() -> None:
    target, weight = maps(), torch.ones(2, 16, 24)
    for loss in (affine_invariant, gradient_matching):
        assert loss(3 * target + 5, target, weight) == pytest.approx(0, abs=FLOAT32)
        assert loss(-target, target, weight) > 0.5


def test_pixels_without_weight_say_nothing() -> None:
    target, weight = maps(), torch.ones(2, 16, 24)
    weight[:, 4:8, 5:15] = 0
    wrong = target.clone()
    wrong[:, 4:8, 5:15] = 100
    for loss in (affine_invariant, gradient_matching):
        assert loss(wrong, target, weight) == pytest.approx(0, abs=FLOAT32)


def test_weight_falls_with_relative_sigma() -> None:
    depth, valid = torch.tensor([[[2.0, 2.0, 4.0, 2.0]]]), torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])
    weight = weight_of(depth, torch.tensor([[[0.0, 0.04, 0.08, 0.01]]]), valid)
    assert weight.flatten().tolist() == pytest.approx([1, 0.5, 0.5, 0])


def ramps(n: int) -> dict[str, torch.Tensor]:
    """Pictures whose brightness is their disparity: what a network can learn in a few steps."""
    rng = np.random.default_rng(0)
    rows, columns = np.linspace(0, 1, 144)[:, None], np.linspace(0, 1, 192)[None]
    slopes = rng.uniform(-0.25, 0.25, (n, 2))
    disparity = np.stack([0.7 + a * (rows - 0.5) + b * (columns - 0.5) for a, b in slopes]).astype(np.float32)
    image = torch.from_numpy(disparity)[:, None].repeat(1, 3, 1, 1)
    depth = 1 / image[:, :1]
    return {
        "image": image, "z_depth_m": depth, "sigma_m": 0.01 * depth, "valid": torch.ones_like(depth, dtype=torch.bool),
        "intrinsics": torch.eye(3, dtype=torch.float64).repeat(n, 1, 1),
        "cam_from_world": torch.eye(4, dtype=torch.float64).repeat(n, 1, 1),
    }  # fmt: skip


def test_a_few_steps_beat_the_initial_state_and_the_same_seed_gives_the_same_curve() -> None:
    torch.set_num_threads(1)
    options = Options(steps=24, batch=4, teacher_from=12, measure_every=12)
    run = train(ramps(8), ramps(3), seed=0, options=options)
    assert run["curve"][-1][1] < 0.8 * run["curve"][0][1]
    again = train(ramps(8), ramps(3), seed=0, options=options)
    assert again["curve"] == run["curve"]
