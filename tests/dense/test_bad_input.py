"""Input from which no depth can come: an empty map or a clear error, never a plausible-looking wrong one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sfm_gt.dense.patchmatch import PatchMatch
from sfm_gt.dense.shared.clip import densify
from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.errors import InputError
from sfm_gt.geometry.types import SparseModel, View
from tests.dense.conftest import silent, valid
from tests.dense.scenes import Scene, film

DEPTH_RANGE = (2.0, 8.0)
# Unrelated images may agree by chance on this share of the pixels.
MAX_CHANCE_SHARE = 0.01


def _share(estimate: DepthEstimate) -> float:
    return float(valid(estimate).mean())


def _with_images(scene: Scene, images: list[np.ndarray]) -> list[View]:
    return [replace(view, image=image) for view, image in zip(scene.views, images, strict=True)]


class TestNothingToMatch:
    def test_unrelated_images_as_neighbours(self, scene: Scene) -> None:
        others = [film(1, seed=100 + 10 * i).views[0].image for i in range(len(scene.views) - 1)]
        views = _with_images(scene, [scene.views[0].image, *others])
        assert _share(PatchMatch().estimate(views[0], views[1:], DEPTH_RANGE)) < MAX_CHANCE_SHARE

    def test_images_of_pure_noise(self, scene: Scene) -> None:
        rng = np.random.default_rng(0)
        views = _with_images(scene, [rng.integers(0, 256, view.image.shape, np.uint8) for view in scene.views])
        assert _share(PatchMatch().estimate(views[0], views[1:], DEPTH_RANGE)) < MAX_CHANCE_SHARE

    @pytest.mark.parametrize("grey", [0, 255])
    def test_images_of_one_colour(self, scene: Scene, grey: int) -> None:
        views = _with_images(scene, [np.full_like(view.image, grey) for view in scene.views])
        assert _share(PatchMatch().estimate(views[0], views[1:], DEPTH_RANGE)) == 0.0

    def test_no_baseline(self, scene: Scene) -> None:
        views = [replace(scene.views[0], frame_index=i) for i in range(4)]
        assert _share(PatchMatch().estimate(views[0], views[1:], DEPTH_RANGE)) == 0.0

    def test_everything_masked(self, scene: Scene) -> None:
        nothing = np.zeros_like(scene.views[0].usable)
        views = [replace(view, usable=nothing) for view in scene.views]
        estimate = PatchMatch().estimate(views[0], views[1:], DEPTH_RANGE)
        assert _share(estimate) == 0.0
        assert not np.isfinite(estimate.hypothesis_sfm).any()

    def test_neighbours_that_look_away(self, scene: Scene) -> None:
        turned = np.diag([-1.0, 1.0, -1.0, 1.0])
        views = [scene.views[0]] + [replace(v, cam_from_world=turned @ v.cam_from_world) for v in scene.views[1:]]
        assert _share(PatchMatch().estimate(views[0], views[1:], DEPTH_RANGE)) == 0.0


class TestPartly:
    def test_masked_pixels_stay_empty(self, scene: Scene) -> None:
        usable = scene.views[0].usable.copy()
        usable[40:90, 60:130] = False
        views = [replace(view, usable=usable) for view in scene.views]
        before = [(view.image.copy(), view.usable.copy(), view.cam_from_world.copy()) for view in views]
        estimate = PatchMatch().estimate(views[2], views[:2] + views[3:], DEPTH_RANGE)
        assert np.isnan(estimate.z_depth_sfm[~usable]).all()
        assert np.isnan(estimate.hypothesis_sfm[~usable]).all()
        assert _share(estimate) > 0.3
        for view, (image, mask, pose) in zip(views, before, strict=True):
            assert np.array_equal(view.image, image)
            assert np.array_equal(view.usable, mask)
            assert np.array_equal(view.cam_from_world, pose)

    def test_two_views_do(self, scene: Scene) -> None:
        estimate = PatchMatch().estimate(scene.views[2], [scene.views[4]], DEPTH_RANGE)
        answered = valid(estimate)
        # Measured: 0.49, and half a per cent of depth or a tenth of a pixel. With more views half of that.
        assert answered.mean() > 0.45
        assert np.median(np.abs(estimate.z_depth_sfm[answered] / scene.truth[2][answered] - 1.0)) < 0.0065

    def test_exposure_may_change(self, scene: Scene) -> None:
        factors = np.linspace(0.5, 1.0, len(scene.views))
        darker = [(view.image * f).astype(np.uint8) for view, f in zip(scene.views, factors, strict=True)]
        views = _with_images(scene, darker)
        estimate = PatchMatch().estimate(views[2], views[:2] + views[3:], DEPTH_RANGE)
        answered = valid(estimate)
        assert answered.mean() > 0.5
        assert np.median(np.abs(estimate.z_depth_sfm[answered] / scene.truth[2][answered] - 1.0)) < 0.005


class TestErrors:
    def test_no_neighbour(self, scene: Scene) -> None:
        with pytest.raises(InputError, match="frame 0 has no neighbour"):
            PatchMatch().estimate(scene.views[0], [], DEPTH_RANGE)

    @pytest.mark.parametrize("depth_range", [(0.0, 1.0), (2.0, 1.0), (np.nan, 1.0)])
    def test_empty_depth_range(self, scene: Scene, depth_range: tuple[float, float]) -> None:
        with pytest.raises(InputError, match="depth range"):
            PatchMatch().estimate(scene.views[0], scene.views[1:], depth_range)

    def test_pose_that_is_not_finite(self, scene: Scene) -> None:
        broken = replace(scene.views[1], cam_from_world=np.full((4, 4), np.nan))
        with pytest.raises(InputError, match="pose of frame 10 is not finite"):
            PatchMatch().estimate(scene.views[0], [broken], DEPTH_RANGE)

    @pytest.mark.parametrize(
        ("broken", "said"),
        [
            pytest.param({"image": np.zeros((0, 0, 3), np.uint8)}, r"image of shape \(0, 0, 3\)", id="empty"),
            pytest.param({"image": np.zeros((90, 120), np.uint8)}, "needed uint8 RGB", id="grey"),
            pytest.param({"image": np.zeros((90, 120, 3), np.float32)}, "float32", id="float"),
            pytest.param({"usable": np.ones((9, 12), bool)}, r"mask of shape \(9, 12\)", id="mask"),
            pytest.param({"cam_from_world": np.zeros((4, 4))}, "pose of frame 2 holds no rotation", id="pose of zeros"),
        ],
    )
    @pytest.mark.parametrize("place", [0, 1])
    def test_a_view_that_does_not_fit_itself(self, scene: Scene, broken: dict, said: str, place: int) -> None:
        views = [scene.views[0], scene.views[1]]
        views[place] = replace(views[place], frame_index=2)
        for name, value in broken.items():
            # Past the check of shapes that tests alone have.
            object.__setattr__(views[place], name, value)
        with pytest.raises(InputError, match=said) as error:
            PatchMatch().estimate(views[0], views[1:], DEPTH_RANGE)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("focal", [0.0, np.nan, -3.0])
    def test_no_focal_length(self, scene: Scene, focal: float) -> None:
        view = replace(scene.views[0], camera=replace(scene.views[0].camera, fx=focal))
        with pytest.raises(InputError, match="focal length of frame 0 is"):
            PatchMatch().estimate(view, scene.views[1:], DEPTH_RANGE)

    def test_images_of_two_sizes(self, scene: Scene) -> None:
        view = scene.views[1]
        camera = view.camera.resized(120, 90)
        small = View(10, view.image[::2, ::2], view.usable[::2, ::2], camera, view.cam_from_world)
        with pytest.raises(InputError, match="120 x 90"):
            PatchMatch().estimate(scene.views[0], [small], DEPTH_RANGE)

    def test_clip_with_one_view_or_a_broken_pose(self, scene: Scene) -> None:
        model = scene.model
        one = SparseModel(
            model.camera, model.frame_indices[:1], model.cam_from_world[:1], model.points_sfm,
            model.observations[model.observations[:, 0] == 0], model.observation_px[model.observations[:, 0] == 0],
        )  # fmt: skip
        with pytest.raises(InputError, match="1 views, at least 2"):
            list(densify(one, scene.load, [0], PatchMatch(), 5, 1, silent))
        poses = model.cam_from_world.copy()
        poses[3, 0, 0] = np.nan
        broken = replace(model, cam_from_world=poses)
        with pytest.raises(InputError, match=r"\[30\] are not finite"):
            list(densify(broken, scene.load, [0, 10], PatchMatch(), 5, 1, silent))

    def test_frame_without_points_is_empty_and_the_others_go_on(self, scene: Scene) -> None:
        model = scene.model
        seen = model.observations[:, 0] != 5
        poorer = replace(model, observations=model.observations[seen], observation_px=model.observation_px[seen])
        found = dict(densify(poorer, scene.load, [0, 10, 20, 30, 50], PatchMatch(), 5, 2, silent))
        assert list(found) == [0, 10, 20, 30, 50]
        assert _share(found[50]) == 0.0
        assert not np.isfinite(found[50].hypothesis_sfm).any()
        assert _share(found[20]) > 0.5
