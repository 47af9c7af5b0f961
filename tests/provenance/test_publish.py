"""Releases: cards that validate, annotations without a pixel, pictures made again, faces gone and depth untouched."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.commands import hydrate, publish
from sfm_gt.config import ProvenanceConfig
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.shutter_shifts import ShutterShifts, write_shutter_shifts
from sfm_gt.formats.workspace import Workspace
from sfm_gt.provenance.faces import FaceBlur
from sfm_gt.sfm.rectification import GRID_HEIGHT, GRID_WIDTH
from sfm_gt.stages.ingest import sha256_of
from tests.e2e.workflow import tree_digest
from tests.video.make_videos import panning, write_video

RESEARCH = ProvenanceConfig(use="research")
REFERENCE_FACES = 0.2  # of blurred faces that a detector may still call a face: an ellipse of skin colour is one to it


def test_a_release_validates_and_its_card_says_what_the_run_knows(workspace: Workspace, tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip(
        "mlcroissant", reason="extra `publish` is not installed: Croissant card not tried"
    )
    publish.run(workspace.root, tmp_path / "release", RESEARCH, name="kitchen walks")
    card = mlcroissant.Dataset(jsonld=tmp_path / "release" / "croissant.json")
    assert not card.metadata.issues.errors
    assert card.metadata.conforms_to[0].endswith("croissant/1.1")
    assert card.metadata.data_limitations
    assert card.metadata.personal_sensitive_information
    assert {record["frames/clip_id"] for record in card.records("frames")} == {b"anna-000", b"bert-000"}
    assert card.metadata.data_social_impact
    for layer, folder in (("image", "images"), ("depth", "depth"), ("sigma", "sigma")):
        records = list(card.records(f"{layer}s"))
        paths = {tmp_path / "release" / record[f"{layer}s/path"].decode() for record in records}
        assert paths == set((tmp_path / "release").rglob(f"{folder}/*.*g")), "a record a file"
        # The reader makes 8-bit colour of every PNG: what has 16 bits is not handed out as pixels.
        assert (f"{layer}s/pixels" in records[0]) == (layer == "image")
    sheet = (tmp_path / "release" / "DATASHEET.md").read_text()
    for line in ("4 frames of 2 clips from 2 videos", "| videos | 2 | 2 |", "CC-BY-4.0 (2)", "Faces were not blurred"):
        assert line in sheet
    assert len(open_dataset(tmp_path / "release")) == 4
    with pytest.raises(InputError, match="exists already"):
        publish.run(workspace.root, tmp_path / "release", RESEARCH)


def test_annotations_without_a_pixel_and_pictures_made_again(workspace: Workspace, tmp_path: Path) -> None:
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "mine.mp4", panning(8))
    film(workspace, videos / "mine.mp4")
    release = tmp_path / "release"
    publish.run(workspace.root, release, RESEARCH, annotations_only=True)
    assert not list(release.rglob("*.jpg"))
    published = {path.read_bytes() for path in release.rglob("*") if path.is_file()}
    pictures = list(workspace.dataset.rglob("images/*.jpg"))
    assert not published & {path.read_bytes() for path in pictures}
    said = hydrate.run(release, videos)
    assert "anna-000: 2 pictures verified by SHA-256" in said
    assert "bert-000: no file in" in said
    for path in (workspace.dataset / "clips" / "anna" / "anna-000" / "images").iterdir():
        assert (release / "clips" / "anna" / "anna-000" / "images" / path.name).read_bytes() == path.read_bytes()


def test_another_picture_than_was_released_is_refused_and_nothing_kept(workspace: Workspace, tmp_path: Path) -> None:
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")
    videos, release = tmp_path / "videos", tmp_path / "release"
    videos.mkdir()
    write_video(videos / "mine.mp4", panning(8))
    film(workspace, videos / "mine.mp4")
    publish.run(workspace.root, release, RESEARCH, annotations_only=True)
    hashes = release / "clips" / "anna" / "anna-000" / "images.json"
    content = read_json(hashes)
    content["images"][1] |= {"sha256": "0" * 64, "perceptual_hash": "0123456789abcdef"}
    write_json(hashes, content)
    with pytest.raises(InputError, match="anna-000, frame 5: another picture than was released"):
        hydrate.run(release, videos)
    assert not list(release.rglob("*.jpg"))


def film(workspace: Workspace, video: Path) -> None:
    """Makes ``video`` the source of anna's clip: her pictures become its frames, undistorted by a plain camera."""
    from sfm_gt.commands.hydrate import _pictures

    path = workspace.dataset / "clips" / "anna" / "anna-000" / "clip.json"
    height, width = panning(1)[0].shape[:2]
    lens = {"model": "SIMPLE_RADIAL", "width": width, "height": height, "params": [60.0, width / 2, height / 2, -0.02]}
    info = read_json(path) | {"camera_as_filmed": lens, "config": {"dataset": {"jpeg_quality": 95}}}
    info["source"] |= {"source_sha256": sha256_of(video)}
    write_json(path, info)
    for frame_index, content in _pictures(path.parent, info, video, {3, 5}):
        layout.layer_path(workspace.dataset, "anna-000", "image", frame_index).write_bytes(content)


def test_pictures_of_a_rolling_shutter_are_made_again_by_the_shutter_file_of_the_release(
    workspace: Workspace, tmp_path: Path
) -> None:
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")
    videos, release = tmp_path / "videos", tmp_path / "release"
    videos.mkdir()
    write_video(videos / "mine.mp4", panning(8))
    film(workspace, videos / "mine.mp4")
    clip = workspace.dataset / "clips" / "anna" / "anna-000"
    straight = {path.name: path.read_bytes() for path in (clip / "images").iterdir()}
    shift_px = np.zeros((2, GRID_HEIGHT, GRID_WIDTH, 2))
    shift_px[..., 0] = 6.0 * np.linspace(-1, 1, GRID_HEIGHT)[None, :, None]  # sheared, as by a camera that turns
    write_shutter_shifts(clip / layout.SHUTTER_NPZ, ShutterShifts(np.array([3, 5]), shift_px))
    film(workspace, videos / "mine.mp4")
    assert all((clip / "images" / name).read_bytes() != content for name, content in straight.items())
    write_json(clip / "clip.json", read_json(clip / "clip.json") | {"measures": {"sfm": {"readout_s": 0.02}}})
    publish.run(workspace.root, release, RESEARCH, annotations_only=True)
    assert "anna-000: 2 pictures verified by SHA-256" in hydrate.run(release, videos)
    (release / "clips" / "anna" / "anna-000" / layout.SHUTTER_NPZ).write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"shutter\.npz: holds no shutter displacement"):
        hydrate.run(release, videos)
    (release / "clips" / "anna" / "anna-000" / layout.SHUTTER_NPZ).unlink()
    with pytest.raises(InputError, match=r"shutter\.npz: missing, and the pictures of anna-000"):
        hydrate.run(release, videos)


@pytest.fixture(scope="module")
def yunet(shared_data: Path) -> Path:
    """The detector's file."""
    return shared_data / "models" / "yunet_n_640_640.onnx"


def test_faces_go_and_depth_stays_bit_identical(
    workspace: Workspace, tmp_path: Path, yunet: Path, shared_data: Path
) -> None:
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")
    picture = picture_with_faces(shared_data, FaceBlur(yunet))
    for path in (workspace.dataset / "clips" / "anna" / "anna-000" / "images").iterdir():
        cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    for path in (workspace.dataset / "clips" / "bert" / "bert-000" / "images").iterdir():
        cv2.imwrite(str(path), np.full((48, 64, 3), 128, np.uint8))
    content = publish.run(workspace.root, tmp_path / "release", RESEARCH, faces=yunet)
    assert content["faces"]["n_faces"] >= 2, "one in each of two pictures at least"
    assert content["faces"]["n_found_again"] <= REFERENCE_FACES * content["faces"]["n_faces"]
    before, after = tree_digest(workspace.dataset), tree_digest(tmp_path / "release")
    annotations = [name for name in before if "/depth/" in name or "/sigma/" in name or "/moving/" in name]
    assert len(annotations) == 12
    assert all(after[name] == before[name] for name in annotations)
    changed = {name for name in before if "/images/" in name and after[name] != before[name]}
    assert changed == {name for name in before if "anna-000/images/" in name}, "a picture without a face is not touched"


def picture_with_faces(shared_data: Path, blur: FaceBlur) -> np.ndarray:
    """The first frame of the real clips in which the detector finds a face."""
    import av

    for video in sorted((shared_data / "videos").iterdir()):
        if video.suffix not in (".mp4", ".avi", ".mkv", ".webm"):
            continue
        with av.open(str(video)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                picture = frame.to_ndarray(format="rgb24")
                if number % 10 == 0 and len(blur.boxes(picture)):
                    return picture
    pytest.skip("no face in the shared videos: face blurring not tried")


def test_no_detector_no_release(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.onnx: not found"):
        publish.run(workspace.root, tmp_path / "release", RESEARCH, faces=tmp_path / "nowhere.onnx")
    assert not (tmp_path / "release").exists()
