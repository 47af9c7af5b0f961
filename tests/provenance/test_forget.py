"""Forgetting a source: all of it, nothing else, whenever it is killed, and for good."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sfm_gt.commands import export, forget
from sfm_gt.config import FramesConfig, read_config
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.clip_paths import clip_folder
from sfm_gt.formats.frame_index import check_index
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.sources import read_sources, read_tombstones
from sfm_gt.formats.verdict import Verdict, read_verdict, write_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.provenance.known_sources import known_sources
from sfm_gt.provenance.traces import mentions
from sfm_gt.stages import evaluate, ingest, report
from sfm_gt.video.catalog import list_videos
from tests.e2e.workflow import tree_digest
from tests.video.make_videos import panning, write_video

# What holds several sources, and so must change when one goes.
SHARED = {
    "dataset/dataset.json", "dataset/index.parquet", "dataset/sources.json", "dataset/tombstones.json", "clips.json",
    "logs/index.log",
}  # fmt: skip
# What running the command itself leaves behind.
LOCK = ".locks/run"


def others(tree: dict[str, str], also: set[str] = frozenset()) -> dict[str, str]:
    """Files that belong to neither source alone nor to both."""
    return {name: digest for name, digest in tree.items() if name not in {*SHARED, *also, LOCK} and "anna" not in name}


def test_nothing_of_the_source_is_left_and_nothing_else_is_touched(workspace: Workspace) -> None:
    before = tree_digest(workspace.root)
    write_json(workspace.catalog, {"state": {}, "videos": {"anna": {"path": "anna.mp4"}, "bert": {"path": "bert.mp4"}}})
    said = forget.run(workspace.root, "anna")
    after = tree_digest(workspace.root)
    assert "anna: forgotten" in said
    assert not workspace.catalog.exists(), "no half of an entry stays: the next run lists the videos anew"
    assert others(after) == others(before)
    assert {name for name in after if "anna" in name} == set()
    assert set(before) - set(after) == {name for name in before if "anna" in name}
    assert [frame.clip_id for frame in open_dataset(workspace.root)] == ["bert-000", "bert-000"]
    content = {"format_version": 2, "clips": ["bert-000"], "frames": 2}
    assert content.items() <= read_json(workspace.dataset / "dataset.json").items()
    check_index(workspace.dataset)
    assert [clip["clip_id"] for clip in read_json(workspace.clip_list)["clips"]] == ["bert-000"]
    assert [source.video_id for source in read_sources(workspace.dataset)] == ["bert"]
    assert (workspace.root / "logs" / "index.log").read_text() == "index: 4 frames of 2 clips\nbert-000: kept\n"
    everything = b"".join(path.read_bytes() for path in workspace.root.rglob("*") if path.is_file())
    assert b"anna" not in everything, "not even its name"
    assert len(read_tombstones(workspace.dataset)) == 1


@pytest.mark.parametrize("wanted", ["anna.mp4", "https://example.org/anna", "1" * 64])
def test_a_source_has_several_names(workspace: Workspace, wanted: str) -> None:
    forget.run(workspace.root, wanted)
    assert open_dataset(workspace.root).clip_ids == ("bert-000",)
    again = forget.run(workspace.root, wanted) if wanted != "anna.mp4" else "was forgotten before"
    assert "was forgotten before" in again


@pytest.mark.parametrize("verdict", ["failed", "none"])
def test_a_source_whose_job_broke_is_known_by_what_ingest_found(workspace: Workspace, verdict: str) -> None:
    shutil.rmtree(workspace.published("anna"))
    shutil.rmtree(workspace.verdict("anna"))
    if verdict == "failed":
        facts = {"video_id": "anna", "path": "anna.mp4", "status": "failed", "reason": "failed", "message": "killed"}
        workspace.verdict("anna").mkdir()
        write_verdict(workspace.verdict("anna"), Verdict("key", "settings", facts))
    forget.run(workspace.root, "1" * 64)
    assert [path for path in workspace.root.rglob("*") if "anna" in path.name] == []
    (tombstone,) = read_tombstones(workspace.dataset)
    assert tombstone.source_sha256 == "1" * 64


def test_tables_and_report_are_made_again_without_it(workspace: Workspace) -> None:
    config = read_config(workspace.config)
    evaluate.run(workspace, config.evaluate, config.models, ["anna-000", "bert-000"])
    report.run(workspace, config.report, ["anna-000", "bert-000"])
    forget.run(workspace.root, "anna")
    scores = pd.read_parquet(workspace.evaluation / "frames.parquet")
    assert set(scores.video_id) == {"bert"}
    without = workspace.root.parent / "without"
    shutil.copytree(workspace.root, without)
    evaluate.run(Workspace(without), config.evaluate, config.models, ["bert-000"])
    assert (without / "evaluation" / "table.csv").read_bytes() == (workspace.evaluation / "table.csv").read_bytes()
    assert "anna" not in (workspace.report / "index.html").read_text()
    assert not list(workspace.report.rglob("*anna*"))


def test_all_is_proven_before_anything_is_made_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_config(workspace.config)
    evaluate.run(workspace, config.evaluate, config.models, ["anna-000", "bert-000"])
    made = []

    def killed(_: object, name: str, cores: int) -> None:
        made.append(name)
        assert not workspace.forget_journal.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(forget, "_remake", killed)
    with pytest.raises(KeyboardInterrupt):
        forget.run(workspace.root, "anna")
    assert made == ["evaluation"]
    assert not workspace.evaluation.exists(), "the next run makes it"
    everything = b"".join(path.read_bytes() for path in workspace.root.rglob("*") if path.is_file())
    assert b"anna" not in everything
    assert forget.run(workspace.root, "1" * 64) == f"{'1' * 64}: was forgotten before"


def test_a_copy_does_not_come_back(workspace: Workspace, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "carla.mp4", panning(40))
    out = Workspace(tmp_path / "other")
    facts = ingest.run(out, list_videos(videos)[0], FramesConfig())
    assert facts["status"] == "ok"
    write_verdict(out.verdict("carla"), Verdict("key", "settings", facts))
    forget.run(out.root, "carla")
    write_video(videos / "carla.mp4", panning(40), codec="mpeg4")  # other bytes, same pictures
    (videos / "carla.mp4").rename(videos / "renamed.mp4")
    again = ingest.run(out, list_videos(videos)[0], FramesConfig())
    assert again["reason"] == "forgotten"
    assert "another_take: true" in again["message"]
    (videos / "renamed.yaml").write_text("another_take: true\n")
    assert ingest.run(out, list_videos(videos)[0], FramesConfig())["status"] == "ok"


def test_the_same_bytes_do_not_come_back_as_another_take(workspace: Workspace, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "carla.mp4", panning(40))
    out = Workspace(tmp_path / "other")
    write_verdict(
        out.verdict("carla"), Verdict("key", "settings", ingest.run(out, list_videos(videos)[0], FramesConfig()))
    )
    forget.run(out.root, "carla")
    write_video(videos / "carla.mp4", panning(40))
    (videos / "carla.yaml").write_text("another_take: true\n")
    assert ingest.run(out, list_videos(videos)[0], FramesConfig())["reason"] == "forgotten"


def add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    shard.addfile(member, io.BytesIO(content))


def test_exports_elsewhere_are_cleaned_too(workspace: Workspace, tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    kept = {}
    with tarfile.open(export / "frames-000000.tar", "w") as shard:
        for number, clip in enumerate(("anna-000", "bert-000")):
            image = (clip_folder(workspace.dataset, clip) / "images" / "000003.jpg").read_bytes()
            add(shard, f"{number:06d}.image.jpg", image)
            add(shard, f"{number:06d}.meta.json", json.dumps({"clip_id": clip}).encode())
            kept[clip] = image
    rows = {"image": [{"bytes": image, "path": None} for image in kept.values()], "n": [1, 2]}
    pq.write_table(pa.table(rows), export / "train.parquet")
    (export / "list.txt").write_text("images/anna-000/000003.jpg\nimages/bert-000/000003.jpg\n")
    (export / "copy.jpg").write_bytes(kept["anna-000"])
    forget.run(workspace.root, "anna", [export])
    with tarfile.open(export / "frames-000000.tar") as shard:
        assert shard.getnames() == ["000001.image.jpg", "000001.meta.json"]
        assert shard.extractfile("000001.image.jpg").read() == kept["bert-000"]
    (left,) = pq.read_table(export / "train.parquet").to_pylist()
    assert (left["image"]["bytes"], left["n"]) == (kept["bert-000"], 2)
    assert (export / "list.txt").read_text() == "images/bert-000/000003.jpg\n"
    assert not (export / "copy.jpg").exists()


@pytest.mark.parametrize("format_name", ["webdataset", "depth_anything", "dust3r", "colmap"])
def test_our_own_exports_are_made_again_without_it(workspace: Workspace, tmp_path: Path, format_name: str) -> None:
    folder = tmp_path / "export"
    export.run(workspace.root, format_name, folder)
    before = tree_digest(folder)
    forget.run(workspace.root, "anna", [folder])
    after = tree_digest(folder)
    assert [entry["clip_id"] for entry in read_json(folder / "export.json")["clips"]] == ["bert-000"]
    assert not any(b"anna" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    of_bert = {name for name in before if "bert" in name}
    assert of_bert
    assert {name: after.get(name) for name in of_bert} == {name: before[name] for name in of_bert}


@pytest.mark.parametrize("given", ["root", "dataset"])
def test_an_export_is_known_by_whichever_folder_it_was_made_from(
    workspace: Workspace, tmp_path: Path, given: str
) -> None:
    export.run(getattr(workspace, given), "depth_anything", tmp_path / "export")
    assert export.known_exports(workspace) == [tmp_path / "export"]


def write_twin_of_anna(workspace: Workspace) -> dict:
    anna = read_verdict(workspace.verdict("anna"))
    facts = anna.facts | {"video_id": "carla", "path": "carla.mp4", "source": None}
    write_verdict(workspace.verdict("carla"), replace(anna, facts=facts, clips=[]))
    return facts


def test_videos_of_the_same_bytes_go_together_and_it_is_said(workspace: Workspace) -> None:
    twin = write_twin_of_anna(workspace)
    before = tree_digest(workspace.root)
    said = forget.run(workspace.root, "anna")
    assert twin["source_sha256"] == "1" * 64
    assert "carla: forgotten" in said
    assert "carla: the same bytes as anna" in said
    after = tree_digest(workspace.root)
    gone = {name for name in before if "anna" in name or "carla" in name}
    assert set(before) - set(after) == gone
    assert others(after) == {name: digest for name, digest in others(before).items() if name not in gone}


def _copy_of_anna(workspace: Workspace) -> None:
    anna = read_verdict(workspace.verdict("anna"))
    facts = anna.facts | {"video_id": "carla", "path": "carla.mp4", "source": None, "source_sha256": "7" * 64}
    write_verdict(workspace.verdict("carla"), replace(anna, facts=facts, clips=[]))


def test_near_duplicates_are_listed_before_anything_is_removed(workspace: Workspace) -> None:
    _copy_of_anna(workspace)
    before = tree_digest(workspace.root) | {LOCK: ""}
    with pytest.raises(InputError, match=r"near-duplicates are carla \(carla\.mp4\); .* --with-duplicates"):
        forget.run(workspace.root, "anna")
    assert tree_digest(workspace.root) | {LOCK: ""} == before


def test_near_duplicates_go_too_or_stay_for_good(workspace: Workspace, tmp_path: Path) -> None:
    _copy_of_anna(workspace)
    shutil.copytree(workspace.root, tmp_path / "with")
    said = forget.run(tmp_path / "with", "anna", with_duplicates=True)
    assert "carla: forgotten" in said
    assert not Workspace(tmp_path / "with").verdict("carla").exists()
    said = forget.run(workspace.root, "anna", with_duplicates=False)
    assert "carla: a near-duplicate of anna, was kept" in said
    hashes = tuple(read_verdict(workspace.verdict("carla")).facts["perceptual_hash"])
    (tombstone,) = read_tombstones(workspace.dataset)
    assert not tombstone.covers("7" * 64, None, hashes), "the next run keeps it too"
    assert tombstone.covers("8" * 64, None, hashes), "other copies do not come back"


def test_of_two_videos_with_one_hash_neither_is_damaged_while_the_other_is_planned(workspace: Workspace) -> None:
    twin = write_twin_of_anna(workspace)
    sources = known_sources(workspace)
    job = forget._plan(workspace, sources["carla"], ())
    assert not mentions(job.traces, workspace.verdict("anna") / "verdict.json")
    assert job.tombstone.source_sha256 == twin["source_sha256"]


def test_an_export_that_cannot_be_made_again_stays_and_nothing_is_forgotten(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "export"
    export.run(workspace.root, "depth_anything", folder)
    manifest = read_json(folder / "export.json")
    for broken, says in (
        (manifest | {"format": "of_tomorrow"}, "cannot be exported again .*of_tomorrow"),
        (manifest | {"clips": [*manifest["clips"], {"clip_id": "dora-000"}]}, "no clip 'dora-000'"),
    ):
        write_json(folder / "export.json", broken)
        before = tree_digest(workspace.root) | tree_digest(folder) | {LOCK: ""}
        with pytest.raises(InputError, match=says):
            forget.run(workspace.root, "anna", [folder])
        assert tree_digest(workspace.root) | tree_digest(folder) | {LOCK: ""} == before
    write_json(folder / "export.json", manifest)
    in_export = tree_digest(folder)

    def fail(path: Path, content: object) -> None:
        if path.name == "export.json":
            raise OSError("no space left")
        write_json(path, content)

    monkeypatch.setattr(export, "write_json", fail)
    with pytest.raises(OSError, match="no space"):
        forget._export_again(workspace, folder, "depth_anything", ["bert-000"])
    assert tree_digest(folder) == in_export, "the new one is written beside"


def test_a_name_inside_a_zip_archive_counts(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    for name in ("anna-000", "bert-000"):
        with zipfile.ZipFile(folder / f"of_{name[0]}.zip", "w") as archive:
            archive.writestr(f"depth/{name}/000003.png", f"resized {name[0]}")
    forget.run(workspace.root, "anna", [folder])
    assert [path.name for path in folder.iterdir()] == ["of_b.zip"]


def test_what_cannot_be_proven_or_must_not_be_touched_is_refused_by_name(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no source 'carla'"):
        forget.run(workspace.root, "carla")
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (workspace.root / "work" / "clips" / "anna-000" / "dense").symlink_to(outside)
    with pytest.raises(InputError, match="dense: a link that leads out of the tree"):
        forget.run(workspace.root, "anna")
    (workspace.root / "work" / "clips" / "anna-000" / "dense").unlink()
    shard = workspace.root / "frames.tar"
    with tarfile.open(shard, "w") as archive:
        add(archive, "a.image.jpg", b"x" * 5000)
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"frames\.tar: cannot be read"):
        forget.run(workspace.root, "anna")
    assert (workspace.dataset / "clips" / "anna" / "anna-000").is_dir(), "refused before anything is removed"
    shard.unlink()
    anna = read_verdict(workspace.verdict("anna"))
    poisoned = [*anna.clips, anna.clips[0] | {"clip_id": "../../elsewhere"}]
    write_verdict(workspace.verdict("anna"), replace(anna, clips=poisoned))
    forget.run(workspace.root, "anna")
    assert outside.is_dir(), "a poisoned name is no clip of the video"


def test_an_index_that_was_changed_is_not_vouched_for_by_forgetting(workspace: Workspace, tmp_path: Path) -> None:
    copy = shutil.copytree(workspace.root, tmp_path / "copy")
    for root in (workspace.root, copy):
        index = root / "dataset" / "index.parquet"
        whole = index.read_bytes()
        pd.read_parquet(index).assign(fx=1.0).to_parquet(index, index=False)
        with pytest.raises(InputError, match=r"index\.parquet: was changed after the data set was complete; run"):
            forget.run(workspace.root, "anna", [copy])
        assert (workspace.dataset / "clips" / "anna").is_dir(), "refused before anything is removed"
        index.write_bytes(whole)
    forget.run(workspace.root, "anna", [copy])
    for dataset in (workspace.dataset, copy / "dataset"):
        assert read_json(dataset / "dataset.json")["frames"] == len(open_dataset(dataset)) == 2
        check_index(dataset)
