"""Random things that stand in a room, built from primitives (rows as in `intersect`).

World frame: +x right, +y down, +z forward, metres, floor at y = 0: a thing of height h reaches y = -h. Every builder
takes the place on the floor (x, z), a yaw in radians, and draws the rest from the scene's generator.
"""

import math

import numpy as np

from .intersect import BOX, CAPSULE, CYLINDER, ELLIPSOID, PRIM_COLUMNS
from .textures import BLOTCHES, CHECKER, MATERIAL_COLUMNS, NOISE, PLAID, PLAIN, STRIPES, TEXTURE_KINDS, WOOD


class Stock:
    """Grows the primitive, group and material rows of one scene; `rng` is the scene's only source of chance."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.primitives: list[np.ndarray] = []
        self.groups: list[list[float]] = []
        self.materials: list[np.ndarray] = []
        self._first = 0

    def colour(self, low: float = 0.03, high: float = 0.9) -> np.ndarray:
        """Linear RGB (3,): a grey of random brightness pulled towards a random hue."""
        # Linear light: squaring spreads the draws evenly to the eye, so that dark things are as common as bright ones.
        grey = self.rng.uniform(low**0.5, high**0.5) ** 2
        saturation = self.rng.uniform(0.0, 1.0) ** 1.5
        return np.clip(grey * (1.0 + saturation * self.rng.uniform(-1.0, 1.2, 3)), 0.0, 1.0)

    def material(self, kinds=None, cell_m=(0.04, 0.6), low=0.03, high=0.9, emission=0.0) -> int:
        """Adds a random material and returns its index; `kinds` limits the textures, cell sizes are log-uniform."""
        row = np.zeros(MATERIAL_COLUMNS)
        kinds = range(TEXTURE_KINDS) if kinds is None else kinds
        row[0] = self.rng.choice(np.array(list(kinds)))
        row[1] = math.exp(self.rng.uniform(math.log(cell_m[0]), math.log(cell_m[1])))
        row[2] = self.rng.integers(1, 1 << 20)
        row[3:6] = self.colour(low, high)
        near = np.clip(row[3:6] * self.rng.uniform(0.5, 1.4), 0.0, 1.0)
        row[6:9] = near if self.rng.random() < 0.5 else self.colour(low, high)
        row[9] = self.rng.uniform(0.0, 0.5)
        row[10] = emission
        row[11] = self.rng.uniform(0.0, 0.5) * (self.rng.random() < 0.3)
        self.materials.append(row)
        return len(self.materials) - 1

    def plain(self, low=0.03, high=0.9, emission=0.0) -> int:
        """Adds a material of one colour or of soft noise."""
        return self.material((PLAIN, NOISE), (0.1, 1.0), low, high, emission)

    def add(self, kind, centre, yaw, sizes, material, radius=0.0):
        """Adds one primitive to the thing being built."""
        row = np.zeros(PRIM_COLUMNS)
        row[0], row[1:4], row[4], row[5] = kind, centre, math.cos(yaw), math.sin(yaw)
        row[6:9], row[9], row[10] = sizes, radius, material
        self.primitives.append(row)

    def finish(self):
        """Closes the thing: its primitives become a group with a bounding sphere."""
        rows = self.primitives[self._first :]
        centres = [row[1:4] + (0.5 * row[6:9] if row[0] == CAPSULE else 0.0) for row in rows]
        middle = np.mean(centres, axis=0)
        reach = 0.0
        for row, centre in zip(rows, centres, strict=True):
            own = 0.5 * np.linalg.norm(row[6:9]) + row[9] if row[0] == CAPSULE else np.linalg.norm(row[6:9])
            reach = max(reach, np.linalg.norm(centre - middle) + own)
        self.groups.append([*middle, reach, self._first, len(self.primitives)])
        self._first = len(self.primitives)


def _placed(x, z, yaw, right, up, forward):
    """World point of an offset in a thing's own frame; `up` is a height above the floor."""
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([x + c * right + s * forward, -up, z - s * right + c * forward])


def figure(stock: Stock, x, z, yaw):
    """A standing person of 1.45-1.95 m from capsules, arms and legs in a random pose, clothed in patterns."""
    rng, tall = stock.rng, stock.rng.uniform(1.45, 1.95)
    clothes = (CHECKER, STRIPES, NOISE, PLAIN, PLAID, BLOTCHES)
    top, legs = stock.material(clothes, (0.03, 0.15)), stock.material(clothes, (0.03, 0.2), 0.02, 0.5)
    skin, hair = stock.material((NOISE,), (0.2, 0.5), 0.15, 0.65), stock.plain(0.01, 0.35)
    girth = rng.uniform(0.8, 1.25)

    def limb(start, end, radius, material):
        a, b = (_placed(x, z, yaw, p[0] * tall, p[1] * tall, p[2] * tall) for p in (start, end))
        stock.add(CAPSULE, a, 0.0, b - a, material, radius * girth)

    for side in (-1.0, 1.0):
        stride, bend = rng.normal(0.0, 0.07), rng.uniform(0.0, 0.06)
        hip, knee = (side * 0.055, 0.50, 0.0), (side * 0.065, 0.27, stride + bend)
        ankle = (side * 0.07, 0.035, stride)
        limb(hip, knee, 0.085, legs)
        limb(knee, ankle, 0.06, legs)
        limb(ankle, (side * 0.08, 0.02, stride + 0.09), 0.04, hair)
        shoulder, swing, lift = (side * 0.115, 0.79, 0.0), rng.normal(0.0, 0.8), abs(rng.normal(0.2, 0.5))
        reach = np.array([side * math.sin(lift), -math.cos(lift) * math.cos(swing), math.cos(lift) * math.sin(swing)])
        elbow = np.array(shoulder) + 0.17 * reach
        fore = reach + rng.normal(0.0, 0.6, 3)
        limb(shoulder, elbow, 0.05, top)
        limb(elbow, elbow + 0.16 * fore / np.linalg.norm(fore), 0.04, skin if rng.random() < 0.6 else top)
    stock.add(ELLIPSOID, _placed(x, z, yaw, 0, 0.66 * tall, 0), yaw, (0.21 * girth, 0.19 * tall, 0.14 * girth), top)
    limb((0, 0.80, 0), (0, 0.88, 0), 0.055, skin)
    stock.add(ELLIPSOID, _placed(x, z, yaw, 0, 0.93 * tall, 0.01), yaw, (0.08, 0.115, 0.10), skin)
    stock.add(ELLIPSOID, _placed(x, z, yaw, 0, 0.945 * tall, -0.015), yaw, (0.088, 0.11, 0.10), hair)
    stock.finish()


def clutter(stock: Stock, x, z, yaw, height, half_x, half_z):
    """Up to six small things of 5-40 cm on a top of the given height and half extents."""
    rng = stock.rng
    for _ in range(rng.integers(0, 7)):
        size = rng.uniform(0.03, 0.18, 3)
        base = _placed(x, z, yaw, rng.uniform(-0.85, 0.85) * half_x, height, rng.uniform(-0.85, 0.85) * half_z)
        kind = rng.choice([BOX, CYLINDER, ELLIPSOID])
        if kind != BOX:
            size[2] = size[0] = 0.6 * size[0]
        stock.add(kind, base - [0.0, size[1], 0.0], rng.uniform(0, 3.1), size, stock.material(cell_m=(0.02, 0.15)))


def table(stock: Stock, x, z, yaw):
    """A table or desk with four legs and things on it."""
    rng = stock.rng
    half_x, half_z, tall = rng.uniform(0.35, 1.0), rng.uniform(0.3, 0.5), rng.uniform(0.4, 1.0)
    wood = stock.material((WOOD, PLAIN, NOISE), (0.05, 0.3))
    stock.add(BOX, _placed(x, z, yaw, 0, tall, 0), yaw, (half_x, 0.02, half_z), wood)
    for right in (-0.92, 0.92):
        for forward in (-0.9, 0.9):
            at = _placed(x, z, yaw, right * half_x, tall / 2, forward * half_z)
            stock.add(BOX, at, yaw, (0.025, tall / 2, 0.025), wood)
    clutter(stock, x, z, yaw, tall + 0.02, half_x, half_z)
    stock.finish()


def cabinet(stock: Stock, x, z, yaw):
    """A cabinet, counter, crate or pillar with a front of panels and, when low enough, things on it."""
    rng = stock.rng
    half_x, half_z = rng.uniform(0.15, 0.9), rng.uniform(0.15, 0.4)
    tall = rng.choice([rng.uniform(0.25, 1.1), rng.uniform(1.1, 2.3)])
    body = stock.material(cell_m=(0.1, 0.7))
    stock.add(BOX, _placed(x, z, yaw, 0, tall / 2, 0), yaw, (half_x, tall / 2, half_z), body)
    front, across, high = stock.plain(), rng.integers(1, 4), rng.integers(1, 4)
    for i in range(across):
        for j in range(high):
            right, up = ((i + 0.5) / across * 2 - 1) * half_x, (j + 0.5) / high * tall
            at = _placed(x, z, yaw, right, up, half_z)
            stock.add(BOX, at, yaw, (0.9 * half_x / across, 0.45 * tall / high, 0.02), front)
    clutter(stock, x, z, yaw, tall, half_x, half_z)
    stock.finish()


def shelf(stock: Stock, x, z, yaw):
    """An open shelf: sides, boards and rows of book-like boxes."""
    rng = stock.rng
    half_x, half_z, tall = rng.uniform(0.3, 0.7), rng.uniform(0.13, 0.25), rng.uniform(0.8, 2.2)
    wood, boards = stock.material((WOOD, PLAIN), (0.05, 0.3)), rng.integers(2, 6)
    for right in (-half_x, half_x):
        stock.add(BOX, _placed(x, z, yaw, right, tall / 2, 0), yaw, (0.02, tall / 2, half_z), wood)
    books = [stock.material(cell_m=(0.02, 0.2)) for _ in range(3)]
    for j in range(boards + 1):
        up = tall * j / boards
        stock.add(BOX, _placed(x, z, yaw, 0, up, 0), yaw, (half_x, 0.015, half_z), wood)
        for _ in range(rng.integers(0, 4) if j < boards else 0):
            half = np.array([rng.uniform(0.02, 0.3) * half_x, rng.uniform(0.25, 0.45) * tall / boards, 0.7 * half_z])
            at = _placed(x, z, yaw, rng.uniform(-0.7, 0.7) * half_x, up + half[1], 0)
            stock.add(BOX, at, yaw, half, rng.choice(books))
    stock.finish()


def seat(stock: Stock, x, z, yaw):
    """A chair or a sofa: seat, back, legs or a solid base, sometimes arms."""
    rng, sofa = stock.rng, stock.rng.random() < 0.4
    half_x, half_z = (rng.uniform(0.5, 1.1), 0.42) if sofa else (rng.uniform(0.2, 0.27), 0.23)
    cloth, tall = stock.material(cell_m=(0.02, 0.3)), rng.uniform(0.4, 0.5)
    stock.add(BOX, _placed(x, z, yaw, 0, tall, 0), yaw, (half_x, 0.1 if sofa else 0.025, half_z), cloth)
    back = _placed(x, z, yaw, 0, tall + rng.uniform(0.2, 0.3), -half_z)
    stock.add(BOX, back, yaw, (half_x, 0.28, 0.09 if sofa else 0.02), cloth)
    if sofa:
        stock.add(BOX, _placed(x, z, yaw, 0, tall / 2, 0), yaw, (half_x, tall / 2, 0.9 * half_z), cloth)
        for right in (-half_x, half_x):
            stock.add(BOX, _placed(x, z, yaw, right, tall / 2 + 0.1, 0), yaw, (0.1, tall / 2 + 0.1, half_z), cloth)
    else:
        legs = stock.plain()
        for right, forward in ((-0.9, -0.9), (-0.9, 0.9), (0.9, -0.9), (0.9, 0.9)):
            at = _placed(x, z, yaw, right * half_x, tall / 2, forward * half_z)
            stock.add(CYLINDER, at, yaw, (0.015, tall / 2, 0.015), legs)
    stock.finish()


def round_thing(stock: Stock, x, z, yaw):
    """A plant in a pot, a standing lamp, a ball, a barrel or a column."""
    rng, which = stock.rng, stock.rng.integers(5)
    first = stock.material(cell_m=(0.03, 0.3))
    if which == 0:
        stock.add(CYLINDER, (x, -0.18, z), 0.0, (0.16, 0.18, 0.16), first)
        leaf = stock.material((NOISE, BLOTCHES), (0.03, 0.1), 0.03, 0.4)
        for _ in range(rng.integers(3, 9)):
            centre = np.array([x, -rng.uniform(0.45, 1.3), z]) + rng.normal(0.0, 0.12, 3)
            stock.add(ELLIPSOID, centre, rng.uniform(0, 3.1), rng.uniform(0.06, 0.28, 3), leaf)
    elif which == 1:
        tall = rng.uniform(1.1, 1.8)
        stock.add(CYLINDER, (x, -tall / 2, z), 0.0, (0.02, tall / 2, 0.02), first)
        stock.add(CYLINDER, (x, -0.01, z), 0.0, (0.15, 0.01, 0.15), first)
        stock.add(CYLINDER, (x, -tall, z), 0.0, (0.18, 0.14, 0.18), stock.plain(0.5, 0.9, rng.uniform(0.0, 1.5)))
    elif which == 2:
        r = rng.uniform(0.1, 0.5)
        stock.add(ELLIPSOID, (x, -r, z), yaw, (r, r, r * rng.uniform(0.7, 1.3)), first)
    else:
        r, tall = (rng.uniform(0.15, 0.4), rng.uniform(0.3, 1.1)) if which == 3 else (rng.uniform(0.1, 0.25), 4.5)
        stock.add(CYLINDER, (x, -tall / 2, z), yaw, (r, tall / 2, r), first)
    stock.finish()
