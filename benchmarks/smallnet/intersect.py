"""Ray against primitive, in closed form (numba).

World frame: +x right, +y down, +z forward, metres; the floor of a room is y = 0, so heights are negative y. A ray is
origin + t * direction with a direction that is NOT of unit length: the caller gives it unit z in the camera's frame,
and then t is the planar z-depth itself. Primitives are rows of float64, PRIM_COLUMNS wide:

    0 kind | 1:4 centre | 4 cos(yaw) 5 sin(yaw) | 6:9 half sizes or radii (capsule: axis from end a to end b)
    9 radius (capsule only) | 10 material index

A capsule's centre is its end a, and it is not turned by yaw.
"""

import math

import numba

BOX, ELLIPSOID, CYLINDER, CAPSULE = 0, 1, 2, 3
PRIM_COLUMNS = 11
T_MIN = 1e-4
_TINY = 1e-12

jit = numba.njit(cache=True, error_model="numpy")


@jit
def to_local(prim, x, y, z):
    """A world vector (already relative to the centre) in the primitive's frame, turned by -yaw about y."""
    return prim[4] * x - prim[5] * z, y, prim[5] * x + prim[4] * z


@jit
def to_world(prim, x, y, z):
    """Inverse of `to_local`."""
    return prim[4] * x + prim[5] * z, y, -prim[5] * x + prim[4] * z


@jit
def slab(o, d, half):
    """Entry and exit t of |o + t d| <= half."""
    if abs(d) < _TINY:
        d = _TINY
    a, b = (-half - o) / d, (half - o) / d
    return min(a, b), max(a, b)


@jit
def hit_box(ox, oy, oz, dx, dy, dz, hx, hy, hz):
    """First t > T_MIN on an axis-aligned box about 0, or inf."""
    x0, x1 = slab(ox, dx, hx)
    y0, y1 = slab(oy, dy, hy)
    z0, z1 = slab(oz, dz, hz)
    near, far = max(x0, y0, z0), min(x1, y1, z1)
    return near if near <= far and near > T_MIN else math.inf


@jit
def hit_ellipsoid(ox, oy, oz, dx, dy, dz, rx, ry, rz):
    """First t > T_MIN on an ellipsoid about 0: the unit sphere after dividing by the radii, which keeps t."""
    ox, oy, oz, dx, dy, dz = ox / rx, oy / ry, oz / rz, dx / rx, dy / ry, dz / rz
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    disc = b * b - a * (ox * ox + oy * oy + oz * oz - 1.0)
    if disc < 0.0:
        return math.inf
    t = (-b - math.sqrt(disc)) / a
    return t if t > T_MIN else math.inf


@jit
def hit_cylinder(ox, oy, oz, dx, dy, dz, rx, hy, rz):
    """First t > T_MIN on an upright capped elliptic cylinder about 0: cap slab joined with the side's quadratic."""
    y0, y1 = slab(oy, dy, hy)
    ox, oz, dx, dz = ox / rx, oz / rz, dx / rx, dz / rz
    a = max(dx * dx + dz * dz, _TINY)
    b = ox * dx + oz * dz
    disc = b * b - a * (ox * ox + oz * oz - 1.0)
    if disc < 0.0:
        return math.inf
    root = math.sqrt(disc)
    near, far = max((-b - root) / a, y0), min((-b + root) / a, y1)
    return near if near <= far and near > T_MIN else math.inf


@jit
def hit_capsule(ox, oy, oz, dx, dy, dz, bx, by, bz, radius):
    """First t > T_MIN on the set within `radius` of the segment 0 to b: an open cylinder, else one of two spheres."""
    bb, bd = bx * bx + by * by + bz * bz, bx * dx + by * dy + bz * dz
    bo, do = bx * ox + by * oy + bz * oz, dx * ox + dy * oy + dz * oz
    dd, oo = dx * dx + dy * dy + dz * dz, ox * ox + oy * oy + oz * oz
    a = max(bb * dd - bd * bd, _TINY)
    b = bb * do - bo * bd
    disc = b * b - a * (bb * oo - bo * bo - radius * radius * bb)
    if disc < 0.0:
        return math.inf
    t = (-b - math.sqrt(disc)) / a
    along = bo + t * bd
    if 0.0 < along < bb:
        return t if t > T_MIN else math.inf
    if along > 0.0:
        ox, oy, oz = ox - bx, oy - by, oz - bz
    return hit_ellipsoid(ox, oy, oz, dx, dy, dz, radius, radius, radius)


@jit
def hit_primitive(prims, p, ox, oy, oz, dx, dy, dz):
    """First t > T_MIN of a world ray on row p of the primitives, or inf.

    Takes the table and an index, as a row view made in this innermost call costs more than the intersection.
    """
    ox, oy, oz = ox - prims[p, 1], oy - prims[p, 2], oz - prims[p, 3]
    kind, sx, sy, sz = int(prims[p, 0]), prims[p, 6], prims[p, 7], prims[p, 8]
    if kind == CAPSULE:
        return hit_capsule(ox, oy, oz, dx, dy, dz, sx, sy, sz, prims[p, 9])
    c, s = prims[p, 4], prims[p, 5]
    ox, oz, dx, dz = c * ox - s * oz, s * ox + c * oz, c * dx - s * dz, s * dx + c * dz
    if kind == BOX:
        return hit_box(ox, oy, oz, dx, dy, dz, sx, sy, sz)
    if kind == ELLIPSOID:
        return hit_ellipsoid(ox, oy, oz, dx, dy, dz, sx, sy, sz)
    return hit_cylinder(ox, oy, oz, dx, dy, dz, sx, sy, sz)


@jit
def unit(x, y, z):
    """The vector scaled to length 1."""
    inv = 1.0 / math.sqrt(x * x + y * y + z * z + _TINY)
    return x * inv, y * inv, z * inv


@jit
def _local_normal(prim, x, y, z):
    """Outward normal, not of unit length, in the primitive's frame at its surface point (x, y, z)."""
    kind = int(prim[0])
    if kind == CAPSULE:
        bx, by, bz = prim[6], prim[7], prim[8]
        along = (x * bx + y * by + z * bz) / (bx * bx + by * by + bz * bz + _TINY)
        along = min(max(along, 0.0), 1.0)
        return x - along * bx, y - along * by, z - along * bz
    if kind == ELLIPSOID:
        return x / prim[6] ** 2, y / prim[7] ** 2, z / prim[8] ** 2
    ax, ay, az = abs(x) / prim[6], abs(y) / prim[7], abs(z) / prim[8]
    if kind == BOX:
        if ax >= ay and ax >= az:
            return x, 0.0, 0.0
        return (0.0, y, 0.0) if ay >= az else (0.0, 0.0, z)
    if ay * ay > ax * ax + az * az:
        return 0.0, y, 0.0
    return x / prim[6] ** 2, 0.0, z / prim[8] ** 2


@jit
def surface(prim, px, py, pz):
    """Local point (3 values, metres) and unit world normal (3 values) at the world point on the primitive."""
    x, y, z = px - prim[1], py - prim[2], pz - prim[3]
    if int(prim[0]) == CAPSULE:
        nx, ny, nz = _local_normal(prim, x, y, z)
    else:
        x, y, z = to_local(prim, x, y, z)
        nx, ny, nz = _local_normal(prim, x, y, z)
        nx, ny, nz = to_world(prim, nx, ny, nz)
    nx, ny, nz = unit(nx, ny, nz)
    return x, y, z, nx, ny, nz
