"""Perceptual hashes: equal pictures have equal ones, and so, nearly, has a picture after another encoding.

A video's hash is the list of the hashes of some of its frames, so that a copy is still recognised that was cut, encoded again,
mirrored, padded with bars or cropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import UInt8, UInt64

_SIDE, _KEPT = 32, 8
# Of 64 bits. Re-encoding and resizing move a few bits; unrelated pictures differ in 32 on average, with a spread of about 4.
MAX_BITS_BETWEEN_COPIES = 10
# Many parts are tried, so that a chance hit is likelier: with 10, two takes of one place count as copies.
MAX_BITS_BETWEEN_PARTS = 9
_DIGITS = 16
_LONG_SIDE = 256  # px; enough for hashes of 32 x 32, and little to keep
# Copies are cropped to 85 % and more; between the places of parts lie 2 % of the picture, which moves few bits.
WINDOW_SHARE, WINDOWS = 0.85, 5
# Grey levels: what compression leaves of an even bar, and less than which a picture shows nothing (black, a fade).
BAR_CONTRAST, MIN_CONTRAST = 6, 4.0
MIN_CONTENT = 1 / 3  # of the height and width: less is no picture between bars
# Share of the shorter video's frames that must be found in the other one.
MIN_SHARED_FRAMES = 0.5


def perceptual_hash(rgb: UInt8[np.ndarray, "h w 3"]) -> str:
    """16 hex digits: the lowest 8 x 8 DCT coefficients of the grey picture, above their median or not (pHash, Zauner 2010)."""
    return _hash_of(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def _hash_of(picture: UInt8[np.ndarray, "h w"]) -> str:
    grey = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    lowest = cv2.dct(grey.astype(np.float32))[:_KEPT, :_KEPT].ravel()
    # The mean is no structure: it would decide the first bit by brightness alone.
    bits = lowest > np.median(lowest[1:])
    return np.packbits(bits).tobytes().hex()


def bits_between(one: str, other: str) -> int:
    """Hamming distance of two hashes of pictures."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def copy_hashes(frames: Sequence[UInt8[np.ndarray, "h w 3"]]) -> tuple[str, ...]:
    """What a copy of a video is known by: for each frame with content the hashes of its picture inside bars.

    Of each picture: as a whole, mirrored, and of WINDOWS x WINDOWS parts of WINDOW_SHARE of its sides, as one string; the
    first 16 digits are those of :func:`perceptual_hash` where there are no bars.
    """
    greys = _inside_bars([_small(frame) for frame in frames])
    return tuple("".join(_views(grey)) for grey in greys if grey.std() >= MIN_CONTRAST)


def _small(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2"]:
    scale = min(1.0, _LONG_SIDE / max(rgb.shape[:2]))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    size = tuple(max(1, round(side * scale)) for side in grey.shape[::-1])
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _inside_bars(greys: list[UInt8[np.ndarray, "h w"]]) -> list[UInt8[np.ndarray, "h2 w2"]]:
    """The frames without rows and columns at the border that are even in all of them, unless little is left then."""
    even = (
        [np.max([np.ptp(grey, axis=axis) for grey in greys], axis=0) <= BAR_CONTRAST for axis in (1, 0)]
        if greys
        else []
    )
    spans = []
    for lines in even:
        content = np.flatnonzero(~lines)
        if len(content) < MIN_CONTENT * len(lines):
            return greys
        spans.append(slice(content[0], content[-1] + 1))
    return [grey[*spans] for grey in greys]


def _views(grey: UInt8[np.ndarray, "h w"]) -> Iterator[str]:
    yield _hash_of(grey)
    yield _hash_of(grey[:, ::-1])
    height, width = (round(WINDOW_SHARE * side) for side in grey.shape)
    for top in np.linspace(0, grey.shape[0] - height, WINDOWS).round().astype(int):
        for left in np.linspace(0, grey.shape[1] - width, WINDOWS).round().astype(int):
            yield _hash_of(grey[top : top + height, left : left + width])


def are_near_duplicates(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether most of the shorter video's frames are found in the longer one, all in one way; False without hashes.

    The ways are: the picture as it is or mirrored, as a whole or one part of it.

    Args:
        one, other: :func:`copy_hashes`, or lists of :func:`perceptual_hash` as earlier versions left them.
    """
    shorter, longer = sorted((_bits(tuple(one)), _bits(tuple(other))), key=len)
    if not len(shorter):
        return False
    return max(_share_found(shorter, longer, True), _share_found(shorter, longer, False)) >= MIN_SHARED_FRAMES


def _share_found(shorter: UInt64[np.ndarray, "m j"], longer: UInt64[np.ndarray, "n k"], parts_of_longer: bool) -> float:
    """Of the frames of the shorter video, in the best way; whole pictures of one are compared with parts of the other."""
    sought, among = (shorter[:, :2], longer) if parts_of_longer else (shorter, longer[:, :2])
    apart = np.bitwise_count(sought[:, :, None, None] ^ among.T[None, None]).min(axis=-1)
    allowed = np.full(apart.shape[1:], MAX_BITS_BETWEEN_PARTS)
    allowed[:2, :2] = MAX_BITS_BETWEEN_COPIES
    return float((apart <= allowed).mean(axis=0).max())


@lru_cache(maxsize=4096)
def _bits(hashes: tuple[str, ...]) -> UInt64[np.ndarray, "n k"]:
    """Frames by views; only what all frames have."""
    n_views = min((len(text) // _DIGITS for text in hashes), default=0)
    rows = [[int(text[_DIGITS * view : _DIGITS * (view + 1)], 16) for view in range(n_views)] for text in hashes]
    return np.array(rows, dtype=np.uint64).reshape(len(hashes), n_views)
