"""Files that are no videos, or that break decoders: refused by name, with the process that opened them and no other."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import av
import numpy as np
import pytest

from sfm_gt.config import FramesConfig
from sfm_gt.errors import Rejected
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import ingest
from sfm_gt.video.catalog import list_videos
from sfm_gt.video.child_process import in_child
from sfm_gt.video.decode import VideoReader
from sfm_gt.video.probe import probe_video
from sfm_gt.video.slice_checksums import SliceChecksums
from tests.video.make_videos import panning, write_video

CONCAT = "ffconcat version 1.0\nfile good.mp4\n"
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ngood.mp4\n#EXT-X-ENDLIST\n"
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><rect width="9" height="9"/></svg>'


def _refused(path: Path) -> Rejected:
    with pytest.raises(Rejected) as caught:
        probe_video(path, 120)
    assert path.name in str(caught.value)
    return caught.value


def _rgb(path: Path) -> list[np.ndarray]:
    return [frame.to_ndarray(format="rgb24").astype(int) for frame in VideoReader(path).frames()]


@pytest.mark.parametrize("text", [CONCAT, PLAYLIST, DRAWING, "[Script Info]\n; x\n"])
def test_playlists_drawings_and_subtitles_are_no_videos_whatever_their_name(tmp_path, text):
    write_video(tmp_path / "good.mp4", panning(5))
    (tmp_path / "a.mp4").write_text(text)
    assert _refused(tmp_path / "a.mp4").reason == "not_a_video"


def test_a_codec_without_a_decoder_is_refused(tmp_path):
    content = write_video(tmp_path / "good.mp4", panning(5)).read_bytes()
    (tmp_path / "a.mp4").write_bytes(content.replace(b"avc1", b"zzzz"))
    refused = _refused(tmp_path / "a.mp4")
    assert refused.reason == "no_decoder"
    assert "convert it" in str(refused)


def test_frames_before_the_first_key_frame_are_left_out(tmp_path):
    whole = write_video(tmp_path / "whole.avi", panning(40), codec="mpeg4")
    with av.open(str(whole)) as origin, av.open(str(tmp_path / "cut.avi"), "w") as container:
        stream = container.add_stream_from_template(origin.streams.video[0])
        for packet in [packet for packet in origin.demux(video=0) if packet.size][1:]:
            packet.stream = stream
            container.mux(packet)
    truth, found = _rgb(whole), _rgb(tmp_path / "cut.avi")
    assert 20 < len(found) < 40
    np.testing.assert_array_equal(found, truth[-len(found) :])
    (warning,) = probe_video(tmp_path / "cut.avi", 120).warnings
    assert f"the {39 - len(found)} frames before the first are left out" in warning


def test_damage_at_once_is_refused_and_later_damage_names_its_frame(tmp_path):
    content = bytearray(write_video(tmp_path / "whole.mp4", panning(40), fast_start=True).read_bytes())
    first = content.find(b"mdat") + 4
    content[-len(content) // 4 : -len(content) // 5] = bytes(len(content) // 4 - len(content) // 5)
    (tmp_path / "late.mp4").write_bytes(content)
    probe = probe_video(tmp_path / "late.mp4", 120)
    assert probe.truncated
    assert f"frame {probe.n_frames} is damaged or missing" in probe.warnings[0]
    np.testing.assert_array_equal(_rgb(tmp_path / "late.mp4"), _rgb(tmp_path / "whole.mp4")[: probe.n_frames])
    content[first + 2000 :] = b"\xff" * (len(content) - first - 2000)
    (tmp_path / "early.mp4").write_bytes(content)
    assert _refused(tmp_path / "early.mp4").reason in ("damaged_video", "unreadable")


def _write_ffv1(path: Path, **options: str) -> Path:
    """40 frames of version 3, of which every tenth is a key frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.options = {"level": "3", "g": "10", "slices": "4"} | options
        for frame in panning(40):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def _packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def _flipped(path: Path, frame_index: int, share: float) -> Path:
    """A copy with one byte of a packet changed, at this share of its length."""
    content, packet = bytearray(path.read_bytes()), _packets(path)[frame_index]
    content[content.index(packet) + int(share * (len(packet) - 1))] ^= 0x10
    damaged = path.with_name(f"damaged{path.suffix}")
    damaged.write_bytes(content)
    return damaged


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])  # slices, and the last byte of a checksum
@pytest.mark.parametrize("frame_index", [1, 17])
def test_one_byte_of_ffv1_that_changed_ends_the_video_before_its_frame(tmp_path, suffix, share, frame_index):
    whole = _write_ffv1(tmp_path / f"whole.{suffix}")
    damaged = _flipped(whole, frame_index, share)
    found = _rgb(damaged)
    assert len(found) == frame_index
    np.testing.assert_array_equal(found, _rgb(whole)[:frame_index])
    if frame_index == 17:
        probe = probe_video(damaged, 120)
        assert (probe.n_frames, probe.truncated) == (17, True)
        assert "frame 17 is damaged or missing" in probe.warnings[0]
        assert "a wrong checksum" in probe.warnings[0]
    else:
        assert _refused(damaged).reason == "damaged_video"


def test_a_slice_of_another_length_than_it_says_is_damage_once_checksums_were_seen(tmp_path):
    sound, other = (av.Packet(packet) for packet in _packets(_write_ffv1(tmp_path / "a.mkv"))[:2])
    cut = av.Packet(bytes(other)[:-8])
    checksums = SliceChecksums("ffv1")
    assert [checksums.find_damage(packet) for packet in (cut, sound, other, cut)] == [False, False, False, True]
    assert not SliceChecksums("h264").find_damage(cut)


@pytest.mark.parametrize("options", [{"slicecrc": "0"}, {"level": "1", "slices": "1"}])
def test_ffv1_without_checksums_is_read_to_its_end(tmp_path, options):
    assert len(_rgb(_write_ffv1(tmp_path / "a.mkv", **options))) == 40


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_one_byte_of_png_that_changed_ends_the_video_before_its_frame(tmp_path, share):
    with av.open(str(tmp_path / "whole.mov"), "w") as container:
        stream = container.add_stream("png", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "rgb24"
        for frame in panning(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    damaged = _flipped(tmp_path / "whole.mov", 13, share)
    np.testing.assert_array_equal(_rgb(damaged), panning(20)[:13])
    assert "frame 13 is damaged or missing" in probe_video(damaged, 120).warnings[0]


def test_the_first_frame_of_ffv1_damaged_is_refused(tmp_path):
    damaged = _flipped(_write_ffv1(tmp_path / "whole.mkv"), 0, 0.3)
    verdict = _refused(damaged)
    assert verdict.reason == "damaged_video"
    assert "frame 0 cannot be decoded (a wrong checksum)" in str(verdict)


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _refuse() -> None:
    raise Rejected("too_small", "a.mp4: 2 pixels", 2, 3)


def _ask_for_an_exbibyte() -> np.ndarray:
    return np.ones(1 << 57)


def test_a_process_that_dies_is_a_verdict(tmp_path):
    with pytest.raises(Rejected, match=r"a\.mp4: reading it ended the process") as caught:
        in_child("a.mp4", _die)
    assert caught.value.reason == "damaged_video"


def test_too_little_memory_is_a_verdict():
    with pytest.raises(Rejected, match="more memory than there is"):
        in_child("a.mp4", _ask_for_an_exbibyte)


def test_a_verdict_comes_back_whole():
    with pytest.raises(Rejected) as caught:
        in_child("a.mp4", _refuse)
    assert (caught.value.reason, caught.value.measured, caught.value.threshold) == ("too_small", 2, 3)


def test_ingest_survives_a_decoder_that_dies(tmp_path, monkeypatch):
    write_video(tmp_path / "a.mp4", panning(5))
    monkeypatch.setattr(ingest, "probed_and_hashed", _die)
    facts = ingest.run(Workspace(tmp_path / "out"), list_videos(tmp_path)[0], FramesConfig())
    assert (facts["status"], facts["reason"]) == ("rejected", "damaged_video")
