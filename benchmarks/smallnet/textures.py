"""Procedural colour of a surface point (numba). Materials are rows of float64, MATERIAL_COLUMNS wide:

    0 kind | 1 cell size in metres | 2 seed | 3:6 colour a | 6:9 colour b | 9 grain in 0..1 | 10 emission | 11 gloss

Colours are linear RGB in 0..1. Patterns take two face coordinates in metres; noise takes the solid point.
"""

import math

from .intersect import jit

PLAIN, CHECKER, STRIPES, NOISE, BRICKS, WOOD, BLOTCHES, TILES, PLAID = range(9)
TEXTURE_KINDS = 9
MATERIAL_COLUMNS = 12


@jit
def _hash01(ix, iy, iz, seed):
    """A value in 0..1 fixed by four integers (integer mixing; 31-bit masks keep the products in int64)."""
    h = (ix * 374761393 + iy * 668265263 + iz * 1274126177 + seed * 1911520717) & 0x7FFFFFFF
    h = ((h ^ (h >> 13)) * 1103515245) & 0x7FFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFFF) / 1048575.0


@jit
def value_noise(x, y, z, seed):
    """Trilinear value noise in 0..1 with smoothstep weights, one cell a unit."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    ix, iy, iz = int(fx), int(fy), int(fz)
    u, v, w = x - fx, y - fy, z - fz
    u, v, w = u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v), w * w * (3.0 - 2.0 * w)
    total = 0.0
    for k in range(2):
        near, far = _hash01(ix, iy, iz + k, seed), _hash01(ix, iy + 1, iz + k, seed)
        near += u * (_hash01(ix + 1, iy, iz + k, seed) - near)
        far += u * (_hash01(ix + 1, iy + 1, iz + k, seed) - far)
        total += (w if k else 1.0 - w) * (near + v * (far - near))
    return total


@jit
def fractal_noise(x, y, z, seed, octaves):
    """Sum of octaves of value noise, each at twice the frequency and 0.55 of the weight, scaled to 0..1."""
    total, weight, weights = 0.0, 1.0, 0.0
    for k in range(octaves):
        total += weight * value_noise(x, y, z, seed + k)
        weights += weight
        weight *= 0.55
        x, y, z = 2.03 * x, 2.03 * y, 2.03 * z
    return total / weights


@jit
def _bricks(u, v):
    """1 in the mortar of a running bond of 2 x 1 bricks, else 0."""
    row = math.floor(v)
    shifted = u / 2.0 + 0.5 * (row % 2.0)
    in_u, in_v = shifted - math.floor(shifted), v - row
    return 1.0 if in_u < 0.06 or in_v < 0.12 else 0.0


@jit
def _pattern(kind, u, v, x, y, z, seed):
    """Share of colour b in 0..1; u, v and x, y, z in cells."""
    if kind == CHECKER:
        return float((math.floor(u) + math.floor(v)) & 1)
    if kind == STRIPES:
        return float(math.floor(u) & 1)
    if kind == NOISE:
        return min(max(2.0 * fractal_noise(x, y, z, seed, 4) - 0.5, 0.0), 1.0)
    if kind == BRICKS:
        return _bricks(u, v)
    if kind == WOOD:
        return 0.5 + 0.5 * math.sin(9.0 * u + 7.0 * fractal_noise(x, 0.2 * y, z, seed, 3))
    if kind == BLOTCHES:
        return 1.0 if fractal_noise(x, y, z, seed, 3) > 0.52 else 0.0
    if kind == TILES:
        return 1.0 if u - math.floor(u) < 0.06 or v - math.floor(v) < 0.06 else 0.0
    if kind == PLAID:
        return 0.5 * float(math.floor(u) & 1) + 0.5 * float(math.floor(2.3 * v) & 1)
    return 0.0


@jit
def albedo(material, x, y, z, axis):
    """Linear RGB at the local point (metres); `axis` (0, 1, 2) is the one that the surface faces most."""
    cell, seed = material[1], int(material[2])
    u, v = (z, y) if axis == 0 else ((x, z) if axis == 1 else (x, y))
    mix = _pattern(int(material[0]), u / cell, v / cell, x / cell, y / cell, z / cell, seed)
    grain = 1.0 + material[9] * (fractal_noise(14.0 * x, 14.0 * y, 14.0 * z, seed + 7, 2) - 0.5)
    grain *= 1.0 + material[9] * (value_noise(0.9 * x, 0.9 * y, 0.9 * z, seed + 17) - 0.5)
    red = (material[3] + mix * (material[6] - material[3])) * grain
    green = (material[4] + mix * (material[7] - material[4])) * grain
    blue = (material[5] + mix * (material[8] - material[5])) * grain
    return red, green, blue
