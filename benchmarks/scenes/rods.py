"""Round bars along a line of points, as meshes: poles, chair legs, hanging wires. Plain numpy, no renderer."""

from __future__ import annotations

import numpy as np
from scene_types import Vec3

SIDES = 16
SAG_POINTS = 25


def _frames(points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across the line at each point (N, 3); carried from point to point, so the tube never twists."""
    steps = np.diff(points_m, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    # a ring at a bend stands half-way between the two directions
    along = np.concatenate([steps[:1], steps[:-1] + steps[1:], steps[-1:]])
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along[0], np.eye(3)[np.abs(along[0]).argmin()])
    firsts = []
    for direction in along:
        across = across - across.dot(direction) * direction
        across /= np.linalg.norm(across)
        firsts.append(across)
    return np.array(firsts), np.cross(along, np.array(firsts))


def tube_mesh(points_m: np.ndarray, radius_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in metres and triangles (F, 3), facing outwards, of a closed tube along ``points_m`` (N, 3)."""
    n = len(points_m)
    angle = 2 * np.pi * np.arange(SIDES) / SIDES
    first, second = _frames(points_m)
    spokes = np.cos(angle)[:, None] * first[:, None] + np.sin(angle)[:, None] * second[:, None]
    rings = points_m[:, None] + radius_m * spokes
    vertices = np.concatenate([rings.reshape(-1, 3), points_m[[0, -1]]])
    here = np.arange(n * SIDES).reshape(n, SIDES)
    there = np.roll(here, -1, axis=1)
    a, b, c, d = here[:-1], there[:-1], there[1:], here[1:]
    walls = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    start, end = np.full(SIDES, n * SIDES), np.full(SIDES, n * SIDES + 1)
    caps = np.concatenate([np.stack([start, there[0], here[0]], -1), np.stack([end, here[-1], there[-1]], -1)])
    return vertices, np.concatenate([walls, caps])


def hanging(start_m: Vec3, end_m: Vec3, sag_m: float) -> tuple[Vec3, ...]:
    """Points of a wire between two hooks whose middle hangs ``sag_m`` below the straight line (a parabola)."""
    u = np.linspace(0.0, 1.0, SAG_POINTS)[:, None]
    line = np.array(start_m) + u * (np.array(end_m) - np.array(start_m))
    line[:, 2:] -= sag_m * 4 * u * (1 - u)
    return tuple((float(x), float(y), float(z)) for x, y, z in line)
