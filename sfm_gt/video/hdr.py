"""From HDR video to 8-bit pictures: one fixed curve a transfer function, so that equal light stays equal grey in all frames.

PQ (SMPTE ST 2084) and HLG (ITU-R BT.2100) code light far above paper white; read as ordinary video they look flat and their
highlights swallow the range. The curve keeps everything below white nearly linear and rolls highlights off (Reinhard et al.
2002, eq. 4). Colours stay in the primaries of the video: they come out a little pale.
"""

from __future__ import annotations

from functools import lru_cache

import av
import numpy as np
from jaxtyping import UInt8, UInt16

PQ, HLG = 16, 18  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67
NAMES = {PQ: "pq", HLG: "hlg"}
WHITE_NITS = 203.0  # diffuse white, ITU-R BT.2408
PEAK_NITS = 1000.0


def transfer_of(frame: av.VideoFrame) -> str:
    """``pq``, ``hlg`` or ``sdr``."""
    return NAMES.get(int(frame.color_trc), "sdr")


def to_rgb(frame: av.VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
    """The coded frame as 8-bit RGB."""
    curve = _CURVES.get(int(frame.color_trc))
    if curve is None:
        return frame.to_ndarray(format="rgb24")
    return curve()[_sixteen_bit(frame)]


def _sixteen_bit(frame: av.VideoFrame) -> UInt16[np.ndarray, "h w 3"]:
    return frame.to_ndarray(format="rgb48le")


@lru_cache(maxsize=1)
def pq_curve() -> UInt8[np.ndarray, " 65536"]:
    """8-bit value of each 16-bit PQ code value (ST 2084, EOTF)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = np.linspace(0, 1, 65536) ** (1 / m2)
    return _displayed(10000.0 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


@lru_cache(maxsize=1)
def hlg_curve() -> UInt8[np.ndarray, " 65536"]:
    """8-bit value of each 16-bit HLG code value (BT.2100: inverse OETF, then a display of 1000 nits with gamma 1.2)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    code = np.linspace(0, 1, 65536)
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return _displayed(PEAK_NITS * scene**1.2)


_CURVES = {PQ: pq_curve, HLG: hlg_curve}


def _displayed(nits: np.ndarray) -> UInt8[np.ndarray, " 65536"]:
    light, peak = nits / WHITE_NITS, PEAK_NITS / WHITE_NITS
    rolled = np.clip(light * (1 + light / peak**2) / (1 + light), 0, 1)
    # sRGB (IEC 61966-2-1).
    coded = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * rolled ** (1 / 2.4) - 0.055)
    return np.round(255 * coded).astype(np.uint8)
