"""Whether what looks the same nearby has the same depth."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from numba import njit

# Depths within this of each other, relatively, agree.
AGREE_REL = np.float32(0.03)
# Pixels are alike by their largest difference in a colour channel; weights fall to 1/e at this many levels.
_LIKE_LEVELS = 6.0
# So far about a pixel what looks like it is asked, as a share of the long side, on a grid of so many steps either way.
_ALIKE_SHARE, _N_STEPS = 0.08, 5
_WEIGHTS = np.exp(-np.arange(256) / _LIKE_LEVELS).astype(np.float32)
_ZERO = np.float32(0.0)


def alike_agreement(
    colours: UInt8[np.ndarray, "h w 3"], surface: Float[np.ndarray, "h w"], known: Float[np.ndarray, "h w"]
) -> Float[np.ndarray, "h w"]:
    """Share of the pixels around, weighted by likeness of colour, that are known to lie at the surface's depth; float32.

    Pixels of unknown depth count as others: a wall's halo around a person is surrounded by bare wall that matched nothing.

    Args:
        surface, known: inverse depth, 0 = none.
    """
    step_px = max(round(_ALIKE_SHARE * max(surface.shape) / _N_STEPS), 1)
    return _alike_agreement(colours, surface, known, step_px, _WEIGHTS)


@njit(cache=True, nogil=True, error_model="numpy")
def _alike_agreement(colours, surface, known, step_px, weights):
    height, width = surface.shape
    share = np.zeros((height, width), dtype=np.float32)
    for y in range(height):
        for x in range(width):
            w = surface[y, x]
            if w == _ZERO:
                continue
            red, green, blue = np.int32(colours[y, x, 0]), np.int32(colours[y, x, 1]), np.int32(colours[y, x, 2])
            agreeing, total = _ZERO, _ZERO
            for dy in range(-_N_STEPS, _N_STEPS + 1):
                yy = y + dy * step_px
                if yy < 0 or yy >= height:
                    continue
                for dx in range(-_N_STEPS, _N_STEPS + 1):
                    xx = x + dx * step_px
                    if xx < 0 or xx >= width:
                        continue
                    apart = max(
                        abs(np.int32(colours[yy, xx, 0]) - red),
                        abs(np.int32(colours[yy, xx, 1]) - green),
                        abs(np.int32(colours[yy, xx, 2]) - blue),
                    )
                    weight = weights[apart]
                    total += weight
                    if abs(known[yy, xx] - w) < AGREE_REL * w:
                        agreeing += weight
            share[y, x] = agreeing / total
    return share
