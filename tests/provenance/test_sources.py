"""Whose videos: licences, hashes, duplicates, links."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from sfm_gt.cli.app import app
from sfm_gt.commands import check_sources
from sfm_gt.config import Config, FramesConfig, ProvenanceConfig, to_yaml, validate
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.license_terms import Use, permissions_of, refusal
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.perceptual_hash import MAX_BITS_BETWEEN_COPIES, bits_between, perceptual_hash
from sfm_gt.formats.sources import hashed_uploader, read_sources
from sfm_gt.formats.workspace import Workspace
from sfm_gt.provenance import license_gate
from sfm_gt.provenance.known_sources import find_source
from sfm_gt.stages import ingest
from sfm_gt.video.catalog import list_videos
from tests.video.make_videos import panning, write_video


@pytest.mark.parametrize(
    ("license_name", "consent", "use", "action", "allowed"),
    [
        (None, None, "private", "evaluate", True),
        (None, None, "research", "evaluate", False),
        ("CC-BY-NC-4.0", None, "research", "export", True),
        ("CC-BY-NC-4.0", None, "commercial", "evaluate", False),
        ("CC-BY-4.0", "given", "commercial", "publish", True),
        ("CC-BY-4.0", "unknown", "research", "publish", False),
        ("CC-BY-ND-4.0", "given", "research", "publish", False),
        ("research use", None, "research", "publish_annotations", True),
        ("research use", "not_applicable", "research", "publish", False),
        ("platform terms", "given", "research", "publish_annotations", False),
        ("CC0-1.0", "withdrawn", "private", "evaluate", False),
    ],
)
def test_what_a_licence_allows(license_name, consent, use, action, allowed) -> None:
    assert (refusal(license_name, consent, use, action, {}) is None) == allowed


def test_unknown_licences_are_named_with_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match=r"unknown licence 'CC-BY4\.0'; did you mean 'CC-BY-4\.0'"):
        permissions_of("CC-BY4.0", {})
    assert permissions_of("LicenseRef-ours", {"LicenseRef-ours": ("research",)}) == {"research"}
    with pytest.raises(ConfigError, match="begins with LicenseRef-"):
        validate({"videos": "v", "out": "o", "provenance": {"terms": {"CC-BY-4.0": ["publish"]}}})


def test_the_gate_names_every_source_that_stands_against_it(workspace: Workspace) -> None:
    dataset = open_dataset(workspace.root)
    license_gate.require(dataset, dataset.clip_ids, "publish", "commercial", {})
    path = workspace.dataset / "clips" / "anna" / "anna-000" / "clip.json"
    info = read_json(path)
    write_json(path, info | {"source": info["source"] | {"license": "CC-BY-NC-4.0"}})
    with pytest.raises(
        InputError, match=r"evaluate for commercial use is not allowed: anna\.mp4: licence 'CC-BY-NC-4\.0'"
    ):
        license_gate.require(dataset, dataset.clip_ids, "evaluate", "commercial", {})
    said = CliRunner().invoke(app, ["evaluate", "--gt", str(workspace.root), "--predictions", "x", "--kind", "metric_depth",
                                    "--use", "commercial"])  # fmt: skip
    assert isinstance(said.exception, InputError), "the command refuses before it looks at predictions"
    assert "not allowed" in str(said.exception)


def test_an_uploader_is_hashed_under_a_salt_that_must_be_there(tmp_path: Path) -> None:
    salt = tmp_path / "salt"
    salt.write_bytes(bytes(range(32)))
    one, two = hashed_uploader("someone", salt), hashed_uploader("someone else", salt)
    assert one != two
    assert len(one) == 64
    assert "someone" not in one
    with pytest.raises(InputError, match=r"set provenance\.salt_file"):
        hashed_uploader("someone", None)
    salt.write_bytes(b"short")
    with pytest.raises(InputError, match="found 5 bytes, needed 16"):
        hashed_uploader("someone", salt)


def test_ingest_records_hashes_and_refuses_without_salt(tmp_path: Path) -> None:
    videos, workspace = tmp_path / "videos", Workspace(tmp_path / "out")
    videos.mkdir()
    write_video(videos / "a.mp4", panning(12))
    (videos / "a.yaml").write_text(yaml.safe_dump({"uploader": "someone", "recorded_on": "2024-05-01"}))
    video = list_videos(videos)[0]
    assert ingest.run(workspace, video, FramesConfig())["reason"] == "salt_missing"
    salt = tmp_path / "salt"
    salt.write_bytes(bytes(range(32)))
    facts = ingest.run(workspace, video, FramesConfig(), ProvenanceConfig(salt_file=salt))
    assert facts["uploader_hash"] == hashed_uploader("someone", salt)
    assert len(facts["perceptual_hash"]) == 12


@pytest.mark.parametrize(
    ("stated", "use", "said"),
    [
        ({"consent": "withdrawn"}, "private", "a.mp4: not for private use: consent is withdrawn"),
        ({"license": "CC-BY-NC-4.0"}, "commercial", "licence 'CC-BY-NC-4.0' does not permit: commercial"),
        ({"license": "CC-BY-9.9"}, "research", "unknown licence 'CC-BY-9.9'"),
        ({}, "research", "no licence is stated in the sidecar"),
    ],
)
def test_ingest_refuses_a_video_that_may_not_be_used_so(tmp_path: Path, stated: dict, use: Use, said: str) -> None:
    # It is refused before it is decoded: this one cannot be.
    (tmp_path / "a.mp4").write_text("no film")
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(stated))
    facts = ingest.run(Workspace(tmp_path / "out"), list_videos(tmp_path)[0], FramesConfig(), ProvenanceConfig(use=use))
    assert facts["reason"] == "not_permitted"
    assert said in facts["message"]


def test_a_source_listed_twice_is_refused(tmp_path: Path, workspace: Workspace) -> None:
    videos, out = tmp_path / "videos", Workspace(tmp_path / "twice")
    videos.mkdir()
    write_video(videos / "a.mp4", panning(20))
    (videos / "b.mp4").write_bytes((videos / "a.mp4").read_bytes())
    found = [ingest.run(out, video, FramesConfig()) for video in list_videos(videos)]
    assert [facts["reason"] for facts in found] == [None, "duplicate_source"]
    assert found[1]["message"] == "b.mp4: the same file as a.mp4; remove one of them"
    content = read_json(workspace.dataset / "sources.json")
    write_json(workspace.dataset / "sources.json", {"sources": content["sources"] * 2})
    with pytest.raises(InputError, match="listed twice"):
        read_sources(workspace.dataset)


def test_a_picture_is_known_after_another_encoding_and_no_other_is_taken_for_it() -> None:
    pictures = [*panning(2), np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)]
    hashes = [perceptual_hash(picture) for picture in pictures]
    for picture, hashed in zip(pictures, hashes, strict=True):
        _, content = cv2.imencode(".jpg", cv2.resize(picture, None, fx=0.7, fy=0.7), [cv2.IMWRITE_JPEG_QUALITY, 50])
        again = perceptual_hash(cv2.imdecode(content, cv2.IMREAD_COLOR))
        assert bits_between(hashed, again) <= MAX_BITS_BETWEEN_COPIES
    assert bits_between(hashes[0], hashes[2]) > MAX_BITS_BETWEEN_COPIES


def test_a_source_is_found_by_its_file_name_where_only_one_has_it(workspace: Workspace) -> None:
    for folder, video_id in (("ann/day 1", "anna"), ("bob", "bert")):
        path = workspace.dataset / "clips" / video_id / f"{video_id}-000" / "clip.json"
        info = read_json(path)
        write_json(path, info | {"source": info["source"] | {"path": f"{folder}/{video_id}.mp4"}})
    found = [find_source(workspace, name) for name in ("anna.mp4", "bob/bert.mp4", "day 1/anna.mp4")]
    assert [one and one.video_id for one in found] == ["anna", "bert", None]
    write_json(path, info | {"source": info["source"] | {"path": "bob/anna.mp4"}})
    with pytest.raises(InputError, match=r"'anna\.mp4' stands for several sources \(anna, bert\); give one video id"):
        find_source(workspace, "anna.mp4")


@pytest.fixture
def site() -> Iterator[str]:
    """A web site on this machine that has ``/here`` and nothing else."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if self.path == "/here" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_dead_links_and_changed_files_are_found(workspace: Workspace, tmp_path: Path, site: str) -> None:
    entries = read_json(workspace.dataset / "sources.json")["sources"]
    urls = {"anna": f"{site}/gone", "bert": f"{site}/here"}
    linked = [entry | {"source": urls[entry["video_id"]]} for entry in entries]
    write_json(workspace.dataset / "sources.json", {"sources": linked})
    lines, n_invalid = check_sources.run(workspace.root)
    assert n_invalid == 1
    assert lines[0].startswith("anna: dead link")
    assert lines[1] == "bert: ok"
    (tmp_path / "bert.mp4").write_text("another film")
    lines, n_invalid = check_sources.run(workspace.root, tmp_path)
    assert n_invalid == 2
    assert "file missing" in lines[0]
    assert "file changed" in lines[1]


def test_a_changed_sidecar_is_found(workspace: Workspace, tmp_path: Path) -> None:
    facts = {entry["video_id"]: entry for entry in read_json(workspace.dataset / "sources.json")["sources"]}
    stated = {name: facts["bert"][name] for name in ("source", "license", "consent", "recorded_on")}
    (tmp_path / "bert.mp4").write_bytes(b"film")

    def problems(**changes: str) -> str:
        (tmp_path / "bert.yaml").write_text(yaml.safe_dump(stated | changes))
        (video,) = list_videos(tmp_path)
        return check_sources._stated_otherwise(read_sources(workspace.dataset)[1], video, salt)

    salt = None
    assert problems() == []
    assert problems(license="CC-BY-NC-4.0", consent="withdrawn") == [
        "consent, license changed in bert.yaml: run the workflow again"
    ]
    assert problems(uploader="someone") == ["uploader changed in bert.yaml: run the workflow again"]
    salt = tmp_path / "salt"
    salt.write_bytes(bytes(range(32)))
    entries = [facts["anna"], facts["bert"] | {"uploader_hash": hashed_uploader("someone", salt)}]
    write_json(workspace.dataset / "sources.json", {"sources": entries})
    assert problems(uploader="someone") == []
    assert problems(uploader="someone else") == ["uploader changed in bert.yaml: run the workflow again"]
    assert ["unknown key 'licence'" in problem for problem in problems(licence="CC0-1.0")] == [True]
    (tmp_path / "bert.yaml").unlink()
    (video,) = list_videos(tmp_path)
    assert "uploader" in check_sources._stated_otherwise(read_sources(workspace.dataset)[1], video, None)[0]


def test_the_use_of_a_run_holds_for_its_dataset_folder_and_a_releases_for_itself(tmp_path: Path) -> None:
    from sfm_gt.cli.sources import stated_use

    (tmp_path / "run" / "dataset").mkdir(parents=True)
    (tmp_path / "run" / "config.yaml").write_text(
        to_yaml(Config(videos=tmp_path, out=tmp_path, provenance={"use": "commercial"}))
    )
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "release.json").write_text('{"use": "research"}')
    assert stated_use(None, tmp_path / "run").use == "commercial"
    assert stated_use(None, tmp_path / "run" / "dataset").use == "commercial"
    assert stated_use(None, tmp_path / "release").use == "research"
    assert stated_use("private", tmp_path / "run" / "dataset").use == "private"
