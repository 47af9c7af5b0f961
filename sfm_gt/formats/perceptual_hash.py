"""Perceptual hashes: equal pictures have equal ones, and so, nearly, has a picture after another encoding.

A video's hash is the list of the hashes of some of its frames, so that a cut or re-encoded copy is still recognised.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

_SIDE, _KEPT = 32, 8
# Of 64 bits. Re-encoding and resizing move a few bits; unrelated pictures differ in 32 on average, with a spread of about 4.
MAX_BITS_BETWEEN_COPIES = 10
# Share of the shorter video's frames that must be found in the other one.
MIN_SHARED_FRAMES = 0.5


def perceptual_hash(rgb: UInt8[np.ndarray, "h w 3"]) -> str:
    """16 hex digits: the lowest 8 x 8 DCT coefficients of the grey picture, above their median or not (pHash, Zauner 2010)."""
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    lowest = cv2.dct(grey.astype(np.float32))[:_KEPT, :_KEPT].ravel()
    # The mean is no structure: it would decide the first bit by brightness alone.
    bits = lowest > np.median(lowest[1:])
    return np.packbits(bits).tobytes().hex()


def bits_between(one: str, other: str) -> int:
    """Hamming distance of two hashes of pictures."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def are_near_duplicates(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two videos, each a list of hashes of frames, share most of the shorter one's frames; False without hashes."""
    shorter, longer = sorted((one, other), key=len)
    if not shorter:
        return False
    found = sum(min(bits_between(a, b) for b in longer) <= MAX_BITS_BETWEEN_COPIES for a in shorter)
    return found >= MIN_SHARED_FRAMES * len(shorter)
