"""A small ray-caster: a box room with primitives in it, as a linear RGB image and exact planar z-depth.

World frame: +x right, +y down, +z forward, metres; floor at y = 0, ceiling at y = -height. Camera frame likewise, with
the centre of pixel (row r, column c) at (c + 0.5, r + 0.5). Lambert shading, hard shadows of lights whose place is
jittered from sample to sample (so edges soften), darkening towards the room's corners, a little gloss.
"""

import math
from dataclasses import dataclass

import numpy as np

from .intersect import T_MIN, hit_primitive, jit, surface, to_local, unit
from .textures import albedo

SHADOW_OFFSET_M = 1e-3
_CORNER_REACH_M = 0.35


@dataclass(frozen=True)
class Camera:
    """Pinhole camera in a room.

    fx, fy, cx, cy in pixels; width, height in pixels; world_from_cam (3, 3) rotation; centre_m (3,) in the world.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    world_from_cam: np.ndarray
    centre_m: np.ndarray


@dataclass(frozen=True)
class Scene:
    """What is seen.

    room_m: (6,) x_min, x_max, ceiling y, floor y, z_min, z_max; room_materials: (6,) indices in that order;
    primitives: (P, 11), see `intersect`; groups: (G, 6) bounding sphere (centre, radius), first and one-past-last
    primitive; materials: (M, 12), see `textures`; lights: (L, 7) position, linear RGB, jitter radius in metres;
    ambient: (3,) linear RGB.
    """

    room_m: np.ndarray
    room_materials: np.ndarray
    primitives: np.ndarray
    groups: np.ndarray
    materials: np.ndarray
    lights: np.ndarray
    ambient: np.ndarray


@jit
def _misses_sphere(groups, g, ox, oy, oz, dx, dy, dz):
    """True when the ray's whole line passes outside the bounding sphere of group g, or the sphere lies behind."""
    cx, cy, cz = groups[g, 0] - ox, groups[g, 1] - oy, groups[g, 2] - oz
    along = cx * dx + cy * dy + cz * dz
    dd = dx * dx + dy * dy + dz * dz
    outside = cx * cx + cy * cy + cz * cz - groups[g, 3] ** 2
    return outside > 0.0 and (along < 0.0 or outside * dd > along * along)


@jit
def _nearest(primitives, groups, ox, oy, oz, dx, dy, dz, t_max):
    """Nearest primitive before t_max: (t, index), or (t_max, -1)."""
    best, index = t_max, -1
    for g in range(groups.shape[0]):
        if _misses_sphere(groups, g, ox, oy, oz, dx, dy, dz):
            continue
        for p in range(int(groups[g, 4]), int(groups[g, 5])):
            t = hit_primitive(primitives, p, ox, oy, oz, dx, dy, dz)
            if t < best:
                best, index = t, p
    return best, index


@jit
def _occluded(primitives, groups, ox, oy, oz, dx, dy, dz):
    """True when any primitive lies on the ray before t = 1."""
    for g in range(groups.shape[0]):
        if _misses_sphere(groups, g, ox, oy, oz, dx, dy, dz):
            continue
        for p in range(int(groups[g, 4]), int(groups[g, 5])):
            if hit_primitive(primitives, p, ox, oy, oz, dx, dy, dz) < 1.0:
                return True
    return False


@jit
def _exit_room(room, ox, oy, oz, dx, dy, dz):
    """Where a ray from inside leaves the room: (t, side 0..5)."""
    best, side = math.inf, -1
    for axis in range(3):
        o, d = (ox, dx) if axis == 0 else ((oy, dy) if axis == 1 else (oz, dz))
        if d == 0.0:
            continue
        which = 2 * axis + (1 if d > 0.0 else 0)
        t = (room[which] - o) / d
        if T_MIN < t < best:
            best, side = t, which
    return best, side


@jit
def _ambient_share(room, px, py, pz, nx, ny, nz):
    """Share of ambient light in 0..1, lower towards the room's other sides."""
    share = 1.0
    for axis in range(3):
        p, n = (px, nx) if axis == 0 else ((py, ny) if axis == 1 else (pz, nz))
        if abs(n) < 0.9:
            share *= 1.0 - 0.45 * math.exp(-abs(p - room[2 * axis]) / _CORNER_REACH_M)
            share *= 1.0 - 0.45 * math.exp(-abs(room[2 * axis + 1] - p) / _CORNER_REACH_M)
    return share


@jit
def _lit(scene, jitter, px, py, pz, nx, ny, nz, vx, vy, vz, gloss):
    """Light that arrives, diffuse RGB and one white gloss term; `jitter` (3,) moves each light within its radius."""
    room, primitives, groups, lights, ambient = scene
    share = _ambient_share(room, px, py, pz, nx, ny, nz)
    red, green, blue, shine = ambient[0] * share, ambient[1] * share, ambient[2] * share, 0.0
    ox, oy, oz = px + SHADOW_OFFSET_M * nx, py + SHADOW_OFFSET_M * ny, pz + SHADOW_OFFSET_M * nz
    for k in range(lights.shape[0]):
        lx = lights[k, 0] + lights[k, 6] * jitter[0] - ox
        ly = lights[k, 1] + lights[k, 6] * jitter[1] - oy
        lz = lights[k, 2] + lights[k, 6] * jitter[2] - oz
        ux, uy, uz = unit(lx, ly, lz)
        lambert = nx * ux + ny * uy + nz * uz
        if lambert <= 0.0 or _occluded(primitives, groups, ox, oy, oz, lx, ly, lz):
            continue
        power = lambert / (1.0 + 0.15 * (lx * lx + ly * ly + lz * lz))
        red, green, blue = red + power * lights[k, 3], green + power * lights[k, 4], blue + power * lights[k, 5]
        hx, hy, hz = unit(ux - vx, uy - vy, uz - vz)
        shine += gloss * max(nx * hx + ny * hy + nz * hz, 0.0) ** 24 * lights[k, 4]
    return red, green, blue, shine


@jit
def _facing(nx, ny, nz):
    """The axis (0, 1, 2) along which the normal is longest."""
    if abs(nx) >= abs(ny) and abs(nx) >= abs(nz):
        return 0
    return 1 if abs(ny) >= abs(nz) else 2


@jit
def _colour(scene, room_materials, materials, jitter, ox, oy, oz, dx, dy, dz):
    """Linear RGB that a ray brings back."""
    room, primitives, groups, _, _ = scene
    t_room, side = _exit_room(room, ox, oy, oz, dx, dy, dz)
    t, index = _nearest(primitives, groups, ox, oy, oz, dx, dy, dz, t_room)
    px, py, pz = ox + t * dx, oy + t * dy, oz + t * dz
    if index >= 0:
        x, y, z, nx, ny, nz = surface(primitives[index], px, py, pz)
        material = materials[int(primitives[index, 10])]
        axis = _facing(*to_local(primitives[index], nx, ny, nz))
    else:
        x, y, z, nx, ny, nz = px, py, pz, 0.0, 0.0, 0.0
        sign = 1.0 if side % 2 == 0 else -1.0
        axis = side // 2
        nx, ny, nz = (sign, 0.0, 0.0) if axis == 0 else ((0.0, sign, 0.0) if axis == 1 else (0.0, 0.0, sign))
        material = materials[room_materials[side]]
    red, green, blue = albedo(material, x, y, z, axis)
    vx, vy, vz = unit(dx, dy, dz)
    lr, lg, lb, shine = _lit(scene, jitter, px, py, pz, nx, ny, nz, vx, vy, vz, material[11])
    glow = material[10]
    return red * (lr + glow) + shine, green * (lg + glow) + shine, blue * (lb + glow) + shine


@jit
def _direction(pinhole, rotation, x, y):
    """World direction of image point (x, y) in pixels, with unit z in the camera's frame."""
    a, b = (x - pinhole[2]) / pinhole[0], (y - pinhole[3]) / pinhole[1]
    return (
        rotation[0, 0] * a + rotation[0, 1] * b + rotation[0, 2],
        rotation[1, 0] * a + rotation[1, 1] * b + rotation[1, 2],
        rotation[2, 0] * a + rotation[2, 1] * b + rotation[2, 2],
    )


@jit
def _depth_pass(room, primitives, groups, pinhole, rotation, centre, out):
    """Fills out (H, W) with planar z-depth in metres at pixel centres."""
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            dx, dy, dz = _direction(pinhole, rotation, c + 0.5, r + 0.5)
            t_room, _ = _exit_room(room, centre[0], centre[1], centre[2], dx, dy, dz)
            out[r, c] = _nearest(primitives, groups, centre[0], centre[1], centre[2], dx, dy, dz, t_room)[0]


@jit
def _colour_pass(scene, room_materials, materials, offsets, jitters, pinhole, rotation, centre, out):
    """Fills out (H, W, 3) with the mean over sub-pixel offsets (S, 2), each with its own light jitter (S, 3)."""
    samples = offsets.shape[0]
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            for s in range(samples):
                dx, dy, dz = _direction(pinhole, rotation, c + offsets[s, 0], r + offsets[s, 1])
                red, green, blue = _colour(
                    scene, room_materials, materials, jitters[s], centre[0], centre[1], centre[2], dx, dy, dz
                )
                out[r, c, 0] += red / samples
                out[r, c, 1] += green / samples
                out[r, c, 2] += blue / samples


# Two samples on a diagonal halve the stairs of edges at twice the cost; four look little better at this size.
_OFFSETS = np.array([[0.25, 0.3], [0.75, 0.7]])
_JITTERS = np.array([[0.6, -0.4, 0.3], [-0.5, 0.5, -0.6]])


def render_depth(scene: Scene, camera: Camera) -> np.ndarray:
    """Planar z-depth in metres at pixel centres, float32 (H, W)."""
    z_depth_m = np.zeros((camera.height, camera.width))
    pinhole = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    _depth_pass(
        scene.room_m, scene.primitives, scene.groups, pinhole, camera.world_from_cam, camera.centre_m, z_depth_m
    )
    return z_depth_m.astype(np.float32)


def render_colour(scene: Scene, camera: Camera) -> np.ndarray:
    """Linear RGB, not clipped, float64 (H, W, 3)."""
    linear = np.zeros((camera.height, camera.width, 3))
    pinhole = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    packed = (scene.room_m, scene.primitives, scene.groups, scene.lights, scene.ambient)
    _colour_pass(
        packed, scene.room_materials, scene.materials, _OFFSETS, _JITTERS, pinhole, camera.world_from_cam,
        camera.centre_m, linear,
    )  # fmt: skip
    return linear
