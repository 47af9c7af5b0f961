"""Clips of one video and the list of the corpus."""

from pathlib import Path

from sfm_gt.config import ClipsConfig, FramesConfig
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.verdict import Verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import clip_list, clips, ingest
from sfm_gt.video.catalog import list_videos
from tests.video.make_videos import panning, write_video


def run_all(folder: Path, workspace: Workspace) -> dict:
    videos = list_videos(folder)
    for video in videos:
        ingest.run(workspace, video, FramesConfig())
        clips.run(workspace, video.video_id, video.path, ClipsConfig(min_frames=15))
    found = []
    for video in reversed(videos):
        shots = read_json(workspace.clips(video.video_id))
        found.append(Verdict("", "", read_json(workspace.ingest(video.video_id)), shots["clips"], shots["rejected"]))
    return clip_list.run(workspace, found)


def test_clips_short_shots_and_refused_videos_are_all_listed(tmp_path: Path) -> None:
    folder, workspace = tmp_path / "in", Workspace(tmp_path / "out")
    folder.mkdir()
    write_video(folder / "b.mp4", panning(20) + panning(6, seed=1) + panning(16, seed=2))
    (folder / "a.mp4").write_text("hello")
    listed = run_all(folder, workspace)
    assert [(c["clip_id"], c["first_frame"], c["last_frame"]) for c in listed["clips"]] == [
        ("b-000", 0, 19),
        ("b-002", 26, 41),
    ]
    (short,) = listed["rejected"]
    assert (short["clip_id"], short["reason"], short["measured"], short["threshold"]) == ("b-001", "too_short", 6, 15)
    assert [(v["video_id"], v["status"], v["reason"]) for v in listed["videos"]] == [
        ("a", "rejected", "not_a_video"),
        ("b", "ok", None),
    ]
    assert read_json(workspace.clip_list) == listed


def test_the_list_is_the_same_bytes_again(tmp_path: Path) -> None:
    folder, workspace = tmp_path / "in", Workspace(tmp_path / "out")
    folder.mkdir()
    write_video(folder / "a.mp4", panning(20))
    run_all(folder, workspace)
    before = workspace.clip_list.read_bytes()
    run_all(folder, workspace)
    assert workspace.clip_list.read_bytes() == before


def test_a_blank_video_is_counted(tmp_path: Path) -> None:
    folder, workspace = tmp_path / "in", Workspace(tmp_path / "out")
    folder.mkdir()
    write_video(folder / "black.mp4", [frame * 0 for frame in panning(20)])
    (rejected,) = run_all(folder, workspace)["rejected"]
    assert rejected["reason"] == "blank"
    assert "black.mp4" in rejected["message"]


def test_messages_tell_videos_of_one_name_apart(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "out")
    for number, name in enumerate(("ann", "bob")):
        (tmp_path / "in" / name).mkdir(parents=True)
        write_video(tmp_path / "in" / name / "clip.mp4", panning(6, seed=number))
    (tmp_path / "in" / "bob" / "text.mp4").write_text("hello")
    listed = run_all(tmp_path / "in", workspace)
    assert sorted(stretch["message"].split(": ")[0] for stretch in listed["rejected"]) == [
        "ann/clip.mp4",
        "bob/clip.mp4",
    ]
    assert [video["message"].split(": ")[0] for video in listed["videos"] if video["reason"]] == ["bob/text.mp4"]
