"""Cue: a GPS track in a CSV file beside the sidecar."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from sfm_gt.errors import InputError, NoEvidenceError
from sfm_gt.formats.sidecar import trajectory_path
from sfm_gt.scale.estimate import Evidence, ScaleEstimate
from sfm_gt.scale.trajectory import scale_from_positions

COLUMNS = ("timestamp_s", "latitude_deg", "longitude_deg", "altitude_m")
# Multipath and atmosphere change slowly: fixes within this time share their error.
CORRELATION_TIME_S = 10.0
# WGS 84.
SEMI_MAJOR_M = 6378137.0
ECCENTRICITY_SQUARED = 6.69437999014e-3


class GpsCue:
    """Scale from ``scale.gps`` of the sidecar."""

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError without a track, InputError when its file lacks a column."""
        stated = evidence.stated.gps
        if stated is None or evidence.sidecar is None:
            raise NoEvidenceError("the sidecar states no gps")
        path = trajectory_path(evidence.sidecar, stated)
        track = pd.read_csv(path)
        missing = [column for column in COLUMNS if column not in track.columns]
        if missing:
            raise InputError(f"{path}: no column {missing[0]!r}; needed {', '.join(COLUMNS)}")
        track = track.sort_values("timestamp_s")
        positions = local_metres(*(track[column].to_numpy(np.float64) for column in COLUMNS[1:]))
        times = track["timestamp_s"].to_numpy(np.float64)
        return scale_from_positions(evidence, times, positions, stated.sigma_m, CORRELATION_TIME_S)


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


PLUGIN = GpsCue
