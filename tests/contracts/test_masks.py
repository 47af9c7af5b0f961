"""What every mask method keeps to; a new file in sfm_gt/masks/ is tested without an edit here."""

import subprocess
import sys

import numpy as np
import pytest

from sfm_gt import registry
from tests.masks.scenes import Scene, film

METHODS = registry.names("masks")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return film(6)


@pytest.mark.parametrize("name", METHODS)
class TestEveryMethod:
    def test_shape_type_and_untouched_input(self, name: str, scene: Scene) -> None:
        frames = [frame.copy() for frame in scene.frames]
        depths = [view.z_depth_sfm.copy() for view in scene.views]
        moving = registry.load("masks", name)(1.5, 4).segment(frames, scene.views)
        assert moving.shape == (6, 240, 320)
        assert moving.dtype == bool
        assert all(np.array_equal(a, b) for a, b in zip(frames, scene.frames, strict=True))
        assert all(np.array_equal(a, v.z_depth_sfm) for a, v in zip(depths, scene.views, strict=True))

    def test_grey_frames_do_as_well_and_results_repeat(self, name: str, scene: Scene) -> None:
        method = registry.load("masks", name)(1.5, 4)
        greys = [np.round(frame @ [0.299, 0.587, 0.114]).astype(np.uint8) for frame in scene.frames]
        first, second = (method.segment(greys, scene.views) for _ in range(2))
        assert np.array_equal(first, second)

    def test_two_frames_and_one_frame_do(self, name: str, scene: Scene) -> None:
        method = registry.load("masks", name)(1.5, 4)
        for n in (1, 2):
            assert method.segment(scene.frames[:n], scene.views[:n]).shape == (n, 240, 320)

    def test_a_missing_reconstruction_is_an_error_where_it_is_needed(self, name: str, scene: Scene) -> None:
        plugin = registry.load("masks", name)
        if plugin.needs_reconstruction:
            with pytest.raises(ValueError, match="needs one view a frame"):
                plugin(1.5, 4).segment(scene.frames, None)
        else:
            assert plugin(1.5, 4).segment(scene.frames, None).shape == (6, 240, 320)


def test_methods_import_without_torch_and_pycolmap() -> None:
    modules = ", ".join(f"sfm_gt.masks.{name}" for name in METHODS)
    code = f"import sys, {modules}; sys.exit(any(name in sys.modules for name in ('torch', 'pycolmap')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
