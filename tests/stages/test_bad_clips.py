"""Clips that spoil structure from motion end in a verdict; what is accepted has the right camera path all the same."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.config import Config, FramesConfig, SfmConfig
from sfm_gt.formats.frame_folder import read_frame_list
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.sidecar import CameraHints
from sfm_gt.formats.sparse_model import read_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.alignment import align_similarity
from sfm_gt.sfm.clip_views import MODEL_NAME
from sfm_gt.stages import clips, frames, ingest, sfm
from sfm_gt.video.catalog import list_videos
from sfm_gt.video.decode import iterate_frames
from tests.video.make_videos import textured, write_video

SCENES = Path(__file__).resolve().parents[2] / "examples" / "masks"
SCENE = "close_up"
BLUR_PX = 31  # a twelfth of the width
# RMSE of the camera positions as a share of the way: the clip itself gives 0.0004, and coding it again costs some.
MAX_PATH_ERROR = 0.01


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """A rendered room with a still figure close to the lens, 384 x 216."""
    return [rgb for _, _, rgb in iterate_frames(SCENES / "videos" / f"{SCENE}.mp4")]


def judged(tmp_path: Path, pictures: list[np.ndarray], **options) -> tuple[Manifest, Workspace]:
    """The last verdict on the one clip of a video of these pictures."""
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "a.mp4", pictures, **options)
    # Smaller and with fewer features than usual: what is tested shows at any size, and features cost time by the pixel.
    config = Config(
        videos=tmp_path / "videos", out=tmp_path / "out",
        frames=FramesConfig(max_long_side_px=480, min_keyframes=10), sfm=SfmConfig(max_features=1024),
    )  # fmt: skip
    workspace, (video,) = Workspace(config.out), list_videos(config.videos)
    assert ingest.run(workspace, video, config.frames)["status"] == "ok"
    (clip,) = clips.run(workspace, "a", video.path, config.clips)["clips"]
    frames.run(workspace, clip, video.path, config.frames)
    return sfm.run(workspace, "a-000", config.sfm, CameraHints(), seed=0, n_threads=1), workspace


def path_error(workspace: Workspace) -> float:
    """RMSE of the camera positions after the best similarity, as a share of the length of the way."""
    model = read_sparse_model(workspace.clip_stage("a-000", "sfm") / MODEL_NAME)
    listed = json.loads((SCENES / "truth" / SCENE / "truth.json").read_text())["frames"]
    truth = np.array([listed[index]["cam_from_world"] for index in model.frame_indices])
    found, true = (-np.einsum("nji,nj->ni", pose[:, :3, :3], pose[:, :3, 3]) for pose in (model.cam_from_world, truth))
    fitted = align_similarity(found, true)
    off = np.linalg.norm(fitted.apply(found) - true, axis=1)
    return float(np.sqrt((off**2).mean()) / np.linalg.norm(true[-1] - true[0]))


def assert_refused_or_right(manifest: Manifest, workspace: Workspace) -> None:
    if manifest.ok:
        assert path_error(workspace) < MAX_PATH_ERROR
    else:
        assert manifest.reason
        assert workspace.thumbnail("a-000").is_file()


def shaken(picture: np.ndarray, angle: float, length_px: int) -> np.ndarray:
    """Blurred along a straight line, as a camera that turns during the exposure blurs."""
    kernel = np.zeros((length_px, length_px), np.float32)
    middle = length_px // 2
    reach = np.round(middle * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    cv2.line(kernel, (middle - reach).tolist(), (middle + reach).tolist(), 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def test_motion_blur_throughout_is_refused_or_harmless(pictures: list[np.ndarray], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    blurred = [shaken(picture, rng.uniform(0, np.pi), BLUR_PX) for picture in pictures]
    assert_refused_or_right(*judged(tmp_path, blurred))


def test_a_mirror_with_the_filmer_in_it_is_refused_or_harmless(pictures: list[np.ndarray], tmp_path: Path) -> None:
    # A flat mirror fills the right third: the room behind the camera passes in it, turned round, and the filmer stays.
    behind, filmer = textured(5, 216, 500), textured(6, 120, 40)
    framed = []
    for number, picture in enumerate(pictures):
        shown = picture.copy()
        shown[20:196, 256:376] = behind[20:196, 3 * number + 120 : 3 * number : -1]
        shown[70:190, 300:340] = filmer
        framed.append(shown)
    assert_refused_or_right(*judged(tmp_path, framed))


def test_a_mirror_across_half_the_picture_is_refused(pictures: list[np.ndarray], tmp_path: Path) -> None:
    half = pictures[0].shape[1] // 2
    framed = [np.concatenate([picture[:, :half], picture[:, half - 1 :: -1]], axis=1) for picture in pictures[::2]]
    manifest, _ = judged(tmp_path, framed)
    assert manifest.reason == "mirrored_picture", manifest


def test_4k_at_60_fps_is_shrunk_and_accepted(pictures: list[np.ndarray], tmp_path: Path) -> None:
    large = [cv2.resize(picture, (3840, 2160), interpolation=cv2.INTER_CUBIC) for picture in pictures]
    manifest, workspace = judged(tmp_path, large, fps=60)
    listed = read_frame_list(workspace.clip_stage("a-000", "frames"))
    assert manifest.ok
    assert (listed.width, listed.height, listed.source_width, listed.source_height) == (480, 270, 3840, 2160)
    assert np.diff([record.timestamp_s for record in listed.frames]) == pytest.approx(1 / 60, abs=1e-6)
    assert path_error(workspace) < MAX_PATH_ERROR


def test_portrait_is_accepted_as_shown(pictures: list[np.ndarray], tmp_path: Path) -> None:
    manifest, workspace = judged(tmp_path, pictures, rotation_deg=90)  # lying in the file, as phones store it
    listed = read_frame_list(workspace.clip_stage("a-000", "frames"))
    assert manifest.ok
    assert (listed.width, listed.height) == (216, 384)
    assert path_error(workspace) < MAX_PATH_ERROR
