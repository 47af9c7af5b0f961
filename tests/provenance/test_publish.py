"""Releases: cards that validate, annotations without a pixel, pictures made again, faces gone and depth untouched."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sfm_gt.cli.app import app
from sfm_gt.commands import forget, hydrate, publish
from sfm_gt.config import ProvenanceConfig
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.manifest import Manifest, files_of, read_json, write_json, write_manifest
from sfm_gt.formats.shutter_shifts import ShutterShifts, write_shutter_shifts
from sfm_gt.formats.workspace import Workspace
from sfm_gt.provenance.faces import Blurred, FaceBlur
from sfm_gt.provenance.publisher import Publisher
from sfm_gt.sfm.rectification import GRID_HEIGHT, GRID_WIDTH
from sfm_gt.stages.ingest import sha256_of
from tests.e2e.workflow import tree_digest
from tests.video.make_videos import panning, write_video

RESEARCH = ProvenanceConfig(use="research")
REFERENCE_FACES = 0.2  # of blurred faces that a detector may still call a face: an ellipse of skin colour is one to it


PUBLISHER = Publisher("https://example.org/walks", ("Ada Lovelace", "Bertha Benz"), "ada@example.org", synthetic=False)


@pytest.fixture
def released(workspace: Workspace, tmp_path: Path) -> Path:
    """A release as it is made without options but the publisher's."""
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")
    publish.run(workspace.root, tmp_path / "release", RESEARCH, name="kitchen walks", publisher=PUBLISHER)
    return tmp_path / "release"


def test_the_checker_of_neurips_has_no_flag(released: Path) -> None:
    from tests.provenance.neurips_rules import flags

    assert flags(released / "croissant.json") == []


def test_a_record_holds_picture_depth_and_sigma_as_the_data_set_has_them(workspace: Workspace, released: Path) -> None:
    import mlcroissant

    records = list(mlcroissant.Dataset(jsonld=released / "croissant.json").records("frames"))
    by_frame = {(record["frames/clip_id"].decode(), record["frames/frame_index"]): record for record in records}
    frames = list(open_dataset(workspace.root))
    assert set(by_frame) == {(frame.clip_id, frame.frame_index) for frame in frames}
    for frame in frames:
        record = by_frame[frame.clip_id, frame.frame_index]
        depth, sigma = (np.asarray(record[f"frames/{layer}"]) for layer in ("depth", "sigma"))
        assert depth * record["frames/depth_unit"] == pytest.approx(np.nan_to_num(frame.z_depth_m)), "16 bits, not 8"
        assert sigma * record["frames/sigma_unit"] == pytest.approx(np.nan_to_num(frame.sigma_m))
        assert np.asarray(record["frames/image"]).shape == frame.image.shape


def test_a_card_says_what_the_run_and_the_publisher_know(released: Path) -> None:
    card = read_json(released / "croissant.json")
    assert (card["url"], [one["name"] for one in card["creator"]]) == (PUBLISHER.url, list(PUBLISHER.creators))
    assert card["contactPoint"]["email"] == PUBLISHER.contact
    assert card["rai:hasSyntheticData"] is False
    assert {source["license"] for source in card["prov:wasDerivedFrom"]} == {"CC-BY-4.0"}
    assert [source["name"] for source in card["prov:wasDerivedFrom"]] == ["anna.mp4", "bert.mp4"]
    assert "structure from motion" in {step["name"] for step in card["prov:wasGeneratedBy"]}
    sheet = (released / "DATASHEET.md").read_text()
    for line in ("4 frames of 2 clips from 2 videos", "| videos | 2 | 2 |", "CC-BY-4.0 (2)", "Faces were not blurred",
                 "Contact: ada@example.org"):  # fmt: skip
        assert line in sheet


def test_what_the_publisher_does_not_state_is_missing_and_said(workspace: Workspace, tmp_path: Path) -> None:
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")
    from tests.provenance.neurips_rules import flags

    said = CliRunner().invoke(app, ["publish", str(workspace.root), str(tmp_path / "release"), "--use", "research"])
    assert "not stated, and so not in the cards: --url, --creator, --contact, --synthetic or --filmed" in said.output
    missing = ["url: missing", "creator: missing", "rai:hasSyntheticData: missing"]
    assert flags(tmp_path / "release" / "croissant.json") == missing
    assert (
        "Page: not stated. Made by: not stated. Contact: not stated" in (tmp_path / "release/DATASHEET.md").read_text()
    )
    with pytest.raises(InputError, match="no address of a page"):
        Publisher(url="walks")


def test_a_release_is_loaded_as_the_hub_shows_it(released: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="extra `publish` is not installed: releases not tried")
    loaded = datasets.load_dataset(str(released), cache_dir=str(tmp_path / "cache"))
    rows = [row for split in loaded.values() for row in split]
    assert len(rows) == 4
    (features,) = {str(split.features) for split in loaded.values()}
    assert features.index("'image': Image") < features.index("'depth': Image") < features.index("'clip_id'")
    assert {row["license"] for row in rows} == {"CC-BY-4.0"}
    card = (released / "README.md").read_text()
    assert "license: [cc-by-4.0]" in card
    assert "task_categories: [depth-estimation]" in card
    clips = [json.loads(line) for line in (released / "clips.jsonl").read_text().splitlines()]
    assert [clip["clip_id"] for clip in clips] == ["anna-000", "bert-000"]


@pytest.mark.parametrize("layout", ["parquet", "tree"])
def test_a_file_that_was_changed_later_is_not_published(workspace: Workspace, tmp_path: Path, layout: str) -> None:
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")
    clip = workspace.clip_stage("anna-000", "dataset")
    write_manifest(clip, Manifest("dataset", 1, files=files_of(clip)))
    depth = sorted((clip / "depth").iterdir())[0]
    depth.write_bytes(depth.read_bytes() + b" ")
    with pytest.raises(InputError, match=rf"{depth.name}: was changed after the data set was complete"):
        publish.run(workspace.root, tmp_path / "release", RESEARCH, layout=layout)
    assert not (tmp_path / "release").exists()


def test_a_source_is_forgotten_in_a_release_of_tables_too(workspace: Workspace, released: Path) -> None:
    forget.run(workspace.root, "anna", [released])
    assert not any(b"anna" in path.read_bytes() for path in released.rglob("*") if path.is_file())
    rows = [row for path in released.glob("data/*.parquet") for row in pq.read_table(path).to_pylist()]
    assert {row["clip_id"] for row in rows} == {"bert-000"}
    assert all(row["image"]["bytes"] and row["depth"]["bytes"] for row in rows)
    assert [one["name"] for one in read_json(released / "croissant.json")["prov:wasDerivedFrom"]] == ["bert.mp4"]


def test_more_files_than_the_hub_takes_are_said(workspace: Workspace, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")
    monkeypatch.setattr(publish, "MAX_FILES", 8)
    monkeypatch.setattr(publish, "MAX_FILES_A_FOLDER", 1)
    tree = publish.run(workspace.root, tmp_path / "tree", RESEARCH, layout="tree")
    written = sum(path.is_file() for path in (tmp_path / "tree").rglob("*"))
    cards = 4  # release.json, sources.json, the datasheet and the Croissant card come later
    assert tree["beyond_hub"] == ["2 files in .", f"{written - cards} files in all"]
    monkeypatch.setattr(publish, "MAX_FILES_A_FOLDER", 4)
    assert publish.run(workspace.root, tmp_path / "tables", RESEARCH)["beyond_hub"] == []


def test_a_tree_has_a_record_set_a_layer_and_opens_as_a_data_set(workspace: Workspace, tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip(
        "mlcroissant", reason="extra `publish` is not installed: Croissant card not tried"
    )
    from tests.provenance.neurips_rules import flags

    publish.run(workspace.root, tmp_path / "release", RESEARCH, layout="tree", publisher=PUBLISHER)
    assert flags(tmp_path / "release" / "croissant.json") == []
    card = mlcroissant.Dataset(jsonld=tmp_path / "release" / "croissant.json")
    assert {record["frames/clip_id"] for record in card.records("frames")} == {b"anna-000", b"bert-000"}
    for layer, folder in (("image", "images"), ("depth", "depth"), ("sigma", "sigma")):
        records = list(card.records(f"{layer}s"))
        paths = {tmp_path / "release" / record[f"{layer}s/path"].decode() for record in records}
        assert paths == set((tmp_path / "release").rglob(f"{folder}/*.*g")), "a record a file"
        # The reader makes 8-bit colour of every PNG: what has 16 bits is not handed out as pixels.
        assert (f"{layer}s/pixels" in records[0]) == (layer == "image")
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
    content = publish.run(workspace.root, tmp_path / "release", RESEARCH, faces=yunet, layout="tree")
    assert content["faces"]["n_faces"] >= 2, "one in each of two pictures at least"
    assert content["faces"]["n_found_again"] <= REFERENCE_FACES * content["faces"]["n_faces"]
    before, after = tree_digest(workspace.dataset), tree_digest(tmp_path / "release")
    annotations = [name for name in before if "/depth/" in name or "/sigma/" in name or "/moving/" in name]
    assert len(annotations) == 12
    assert all(after[name] == before[name] for name in annotations)
    changed = {name for name in before if "/images/" in name and after[name] != before[name]}
    assert changed == {name for name in before if "anna-000/images/" in name}, "a picture without a face is not touched"


def test_tables_hold_the_blurred_pictures(workspace: Workspace, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("mlcroissant", reason="extra `publish` is not installed: releases not tried")

    class Grey:
        """A detector that takes every picture for a face."""

        def __init__(self, model: Path): ...

        def blur(self, image: np.ndarray) -> Blurred:
            return Blurred(np.full_like(image, 128), 1, 0)

    monkeypatch.setattr(publish, "FaceBlur", Grey)
    content = publish.run(workspace.root, tmp_path / "release", RESEARCH, faces=tmp_path / "any.onnx")
    assert content["faces"] == {"n_faces": 4, "n_found_again": 0}
    tables = [pq.read_table(path).to_pylist() for path in (tmp_path / "release" / "data").iterdir()]
    pictures = [cv2.imdecode(np.frombuffer(row["image"]["bytes"], np.uint8), 1) for rows in tables for row in rows]
    assert len(pictures) == 4
    assert all(abs(picture.astype(int) - 128).max() <= 1 for picture in pictures)


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
