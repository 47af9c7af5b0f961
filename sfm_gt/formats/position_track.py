"""Metric positions of a camera by time, in a file of one of three kinds.

track.csv    timestamp_s, latitude_deg, longitude_deg, altitude_m      GPS, WGS 84
track.csv    timestamp_s, x_m, y_m, z_m                                any metric frame (ARKit, ARCore, motion capture)
track.txt    timestamp_s tx ty tz qx qy qz qw                          TUM format, metres, camera to world; no header
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.number_table import MAX_COORDINATE, TIME, numbers, read_rows, with_header, within
from sfm_gt.formats.tum_trajectory import read_trajectory
from sfm_gt.geometry.transforms import camera_centres

GPS_FIELDS = (within("latitude_deg", 90), within("longitude_deg", 360), within("altitude_m", 1e5))
METRIC_FIELDS = tuple(within(name, MAX_COORDINATE) for name in ("x_m", "y_m", "z_m"))
# WGS 84.
SEMI_MAJOR_M = 6378137.0
ECCENTRICITY_SQUARED = 6.69437999014e-3


@dataclass(frozen=True)
class PositionTrack:
    """Positions in a metric frame.

    Attributes:
        times_s: (N,), ascending.
        positions_m: (N, 3).
        from_gps: whether they were degrees.
    """

    times_s: Float[np.ndarray, " n"]
    positions_m: Float[np.ndarray, "n 3"]
    from_gps: bool


def read_position_track(path: Path) -> PositionTrack:
    """Raises InputError with the file's name where it is none of the three kinds, and the line of a number that cannot be."""
    times, positions, from_gps = _read_csv(path) if path.suffix.lower() == ".csv" else _read_tum(path)
    order = np.argsort(times, kind="stable")
    return PositionTrack(times[order], positions[order], from_gps)


Columns = tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 3"], bool]


def _read_tum(path: Path) -> Columns:
    times, cam_from_world = read_trajectory(path)
    return times, camera_centres(cam_from_world), False


def _read_csv(path: Path) -> Columns:
    columns, rows = with_header(path, read_rows(path, ","))
    from_gps = any(field.name in columns for field in GPS_FIELDS)
    fields = (TIME, *(GPS_FIELDS if from_gps else METRIC_FIELDS))
    missing = [field.name for field in fields if field.name not in columns]
    if missing:
        kinds = " or ".join(", ".join(field.name for field in kind) for kind in (GPS_FIELDS, METRIC_FIELDS))
        raise InputError(f"{path}: no column {missing[0]!r}; needed timestamp_s and {kinds}")
    if not rows:
        raise InputError(f"{path}: no row below the header; needed one a position")
    used = [(line, [entries[columns[field.name]] for field in fields]) for line, entries in rows]
    values = numbers(path, used, fields)
    return values[:, 0], local_metres(*values[:, 1:].T) if from_gps else values[:, 1:], from_gps


def local_metres(
    latitude_deg: Float[np.ndarray, " n"], longitude_deg: Float[np.ndarray, " n"], altitude_m: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n 3"]:
    """East, north and up in metres about the first fix, on the WGS 84 ellipsoid; exact enough within a few kilometres."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    flattened = 1.0 - ECCENTRICITY_SQUARED * np.sin(latitude[0]) ** 2
    prime_vertical = SEMI_MAJOR_M / np.sqrt(flattened)
    meridian = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_SQUARED) / flattened**1.5
    east = (longitude - longitude[0]) * prime_vertical * np.cos(latitude[0])
    north = (latitude - latitude[0]) * meridian
    return np.stack([east, north, altitude_m - altitude_m[0]], axis=1)
