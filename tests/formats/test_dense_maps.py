"""Depth between stages: small on disk, and no farther from what was found than its sigma allows by far."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfm_gt.errors import InputError
from sfm_gt.formats.dense_maps import (
    MANTISSA_BITS,
    OUTLIER_STEPS,
    frames_with_maps,
    read_dense_maps,
    remove_dense_maps,
    rounded,
    write_dense_maps,
)

HEIGHT, WIDTH = 90, 160
NAMES = ("z_depth_sfm", "sigma_sfm", "hypothesis_sfm", "outlier")


def noisy() -> dict[str, np.ndarray]:
    """A slope with noise in its last digits, as matching leaves it; a corner without depth."""
    rng = np.random.default_rng(0)
    depth = np.linspace(1.0, 3.0, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) * rng.normal(1.0, 1e-3, (HEIGHT, WIDTH))
    maps = {"z_depth_sfm": depth, "sigma_sfm": 0.003 * depth, "hypothesis_sfm": 1.001 * depth,
            "outlier": rng.uniform(0, 0.1, depth.shape)}  # fmt: skip
    maps = {name: values.astype(np.float32) for name, values in maps.items()}
    for name in ("z_depth_sfm", "sigma_sfm", "outlier"):
        maps[name][:9, :9] = np.nan
    return maps


def test_maps_come_back_within_their_rounding_and_nan_as_nan(tmp_path: Path) -> None:
    maps = noisy()
    write_dense_maps(tmp_path, 7, maps)
    found = dict(zip(NAMES, read_dense_maps(tmp_path, 7, *NAMES), strict=True))
    for name, bits in MANTISSA_BITS.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], maps[name], rtol=2.0 ** -(bits + 1), equal_nan=True)
    np.testing.assert_allclose(found["outlier"], maps["outlier"], atol=0.5001 / OUTLIER_STEPS, equal_nan=True)
    np.testing.assert_array_equal(read_dense_maps(tmp_path, 7, "outlier")[0], found["outlier"])


def test_they_take_a_third_of_their_arrays(tmp_path: Path) -> None:
    maps = noisy()
    write_dense_maps(tmp_path, 7, maps)
    assert (tmp_path / "000007.parquet").stat().st_size < 0.3 * sum(values.nbytes for values in maps.values())


def test_frames_are_found_and_removed_one_by_one_and_damage_is_named(tmp_path: Path) -> None:
    for frame_index in (12, 3):
        write_dense_maps(tmp_path, frame_index, noisy())
    assert frames_with_maps(tmp_path) == [3, 12]
    remove_dense_maps(tmp_path, 3)
    assert frames_with_maps(tmp_path) == [12]
    with pytest.raises(InputError, match=r"000003\.parquet: no readable maps .*run `sfm-gt dense`"):
        read_dense_maps(tmp_path, 3, "z_depth_sfm")
    (tmp_path / "000012.parquet").write_bytes(b"cut")
    with pytest.raises(InputError, match=r"000012\.parquet: no readable maps"):
        read_dense_maps(tmp_path, 12, "z_depth_sfm")


@given(st.floats(2.0**-99, 2.0**99, width=32), st.integers(1, 22))
def test_rounding_takes_the_nearest_value_of_so_many_bits(value: float, bits: int) -> None:
    found = float(rounded(np.array([[value]], np.float32), bits)[0, 0])
    assert abs(found - value) <= 2.0 ** -(bits + 1) * value
    mantissa, _ = np.frexp(found)
    assert (mantissa * 2.0 ** (bits + 1)) % 1.0 == 0.0
