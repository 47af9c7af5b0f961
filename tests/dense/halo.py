"""A person before a wall whose depth has grown over the person's outline."""

from __future__ import annotations

import numpy as np

SHAPE = (120, 160)
NEAR, FAR = np.float32(0.5), np.float32(0.25)
PERSON = slice(60, 100)
HALO_PX = 6


def colours_of(
    person: tuple[int, int, int] = (40, 60, 140), wall: tuple[int, int, int] = (150, 150, 150)
) -> np.ndarray:
    """(h, w, 3) uint8: the person and the wall, each of one colour."""
    colours = np.empty((*SHAPE, 3), np.uint8)
    colours[:], colours[:, PERSON] = wall, person
    return colours


def with_halo(wall: np.float32) -> np.ndarray:
    """Inverse depth of the person, grown over its outline, before a wall of this inverse depth (0 = unknown)."""
    inverse = np.full(SHAPE, wall, np.float32)
    inverse[:, PERSON.start - HALO_PX : PERSON.stop + HALO_PX] = NEAR
    return inverse
