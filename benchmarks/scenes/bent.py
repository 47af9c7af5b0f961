"""Panels bent about their upright axis, as meshes. Plain numpy, no renderer."""

from __future__ import annotations

import numpy as np

# a chord this long is 0.01 mm off an arc of 5 m
STRIP_M = 0.02


def bent_mesh(size_m: tuple[float, float], radius_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (V, 3), quads (F, 4) and UVs (V, 2) of a panel ``size_m`` wide (along the arc) and high.

    It lies in its own xy plane at its middle and faces +z. A positive radius brings its left and right edges forwards
    (hollow, as seen from the front), a negative one takes them back.
    """
    width, height = size_m
    n_strips = int(np.ceil(width / STRIP_M))
    along = np.linspace(-width / 2, width / 2, n_strips + 1)
    x, z = radius_m * np.sin(along / radius_m), radius_m * (1.0 - np.cos(along / radius_m))
    vertices = np.concatenate([np.stack([x, np.full_like(x, side * height / 2), z], axis=1) for side in (-1, 1)])
    low = np.arange(n_strips)
    high = low + n_strips + 1
    faces = np.stack([low, low + 1, high + 1, high], axis=1)
    across = np.tile(along / width + 0.5, 2)
    return vertices, faces, np.stack([across, np.repeat([0.0, 1.0], n_strips + 1)], axis=1)
