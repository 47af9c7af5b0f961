"""Decoding with PyAV: true timestamps, frames as they are meant to be seen, memory that does not grow with length.

``frame_index`` counts the frames that decode without damage, in presentation order from 0. Every stage counts through
:class:`VideoReader`, so that all of them mean the same frame at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import Rejected
from sfm_gt.video import timestamps
from sfm_gt.video.hdr import to_rgb
from sfm_gt.video.slice_checksums import SliceChecksums

ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC: the cover of a song, not a film
DAMAGE_TOLERATED_AT_START = (
    300  # packets: a stream cut out of a longer one starts undecodable until its first key frame
)
# The containers of VIDEO_SUFFIXES and bare streams, by FFmpeg's names. Others are pictures, subtitles, and playlists, which
# would make one video of other files.
CONTAINERS = "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,mxf,h264,hevc,m4v"
# Of FFmpeg: errors end decoding instead of being concealed; larger pictures (8K has 33 million pixels) are a header's fault.
DECODER_OPTIONS = {"err_detect": "crccheck+explode", "max_pixels": "100000000"}
RETIME = "give it a rate (ffmpeg -r RATE -i FILE)"
CONTAINER_MAGIC = (
    b"ftyp",
    b"moov",
    b"mdat",
    b"RIFF",
    b"\x1aE\xdf\xa3",
    b"FLV",
    b"OggS",
    b"\x00\x00\x01\xba",
    b"0&\xb2u",
)


@dataclass(frozen=True)
class Display:
    """How a coded frame is shown: pixels made square, then turned by the display matrix.

    Attributes:
        sample_aspect_ratio: width of a coded pixel over its height.
        axes: (a, b, c, d): coded +x is shown as (a, b), coded +y as (c, d); entries are -1, 0 or 1.
    """

    sample_aspect_ratio: Fraction
    axes: tuple[int, int, int, int]

    @property
    def swaps_axes(self) -> bool:
        """Whether width and height change places."""
        return self.axes[0] == 0

    @property
    def rotation_deg(self) -> int:
        """Clockwise turn of the coded frame: 0, 90, 180 or 270."""
        a, b, _, _ = self.axes
        return {(1, 0): 0, (0, 1): 90, (-1, 0): 180, (0, -1): 270}[a, b]

    @property
    def mirrored(self) -> bool:
        """Whether the frame is flipped besides."""
        a, b, c, d = self.axes
        return a * d - b * c < 0

    def size(self, coded_width: int, coded_height: int) -> tuple[int, int]:
        """(width, height) as shown."""
        width = max(1, round(coded_width * self.sample_aspect_ratio))
        return (coded_height, width) if self.swaps_axes else (width, coded_height)

    def apply(self, coded: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        """The frame as shown."""
        height, coded_width = coded.shape[:2]
        width = max(1, round(coded_width * self.sample_aspect_ratio))
        if width != coded_width:
            method = cv2.INTER_AREA if width < coded_width else cv2.INTER_CUBIC
            coded = cv2.resize(coded, (width, height), interpolation=method)
        a, b, c, d = self.axes
        if self.swaps_axes:
            coded, a, d = coded.transpose(1, 0, 2), c, b
        return np.ascontiguousarray(coded[:: 1 if d > 0 else -1, :: 1 if a > 0 else -1])


class VideoReader:
    """The first real video stream of a file, decoded from its start to its end or to the first damage.

    Raises:
        Rejected: not_a_video, truncated, no_video_stream, no_decoder or unreadable, on opening.
    """

    def __init__(self, path: Path):
        self.path = path
        self.damage: str | None = None
        self.n_unreferenced = 0  # frames before the first key frame, which decoders make up
        self.n_packets = 0  # that :meth:`frames` found so far, without those that an edit list leaves out
        self._container = _open(path)
        films = [s for s in self._container.streams.video if not int(s.disposition) & ATTACHED_PICTURE]
        self.n_video_tracks = len(films)
        if not films:
            has_others = len(self._container.streams) > 0
            self._container.close()
            if has_others:
                raise Rejected(
                    "no_video_stream", f"{path.name}: holds no video stream, only others; remove it from the folder"
                )
            raise Rejected(
                "truncated", f"{path.name}: its index is missing, so it was cut off; copy or download it again"
            )
        self.stream = films[0]
        if self.stream.codec_context is None:
            self._container.close()
            message = f"{path.name}: FFmpeg has no decoder for its video; convert it (ffmpeg -i FILE -c:v libx264 OUT)"
            raise Rejected("no_decoder", message)
        self.stream.codec_context.options = DECODER_OPTIONS
        self.stream.thread_type = "AUTO"

    @property
    def container(self) -> av.container.InputContainer:
        """The open container, for what is written in its header."""
        return self._container

    def close(self) -> None:
        """Closes the file; ``contextlib.closing`` calls it."""
        self._container.close()

    def frames(self) -> Iterator[av.VideoFrame]:
        """Undamaged frames of one size, in presentation order. Where they end early, ``damage`` says why.

        Decoding stops at the first damage instead of going on behind it: decoders conceal damage by invented pixels. So they do
        before the first key frame of a stream that was cut there; frames of such a beginning are left out.
        """
        size, n_errors, referenced = None, 0, None
        packets = self._sound_packets()
        while True:
            try:
                packet = next(packets)
                self.n_packets += packet.size > 0 and not packet.is_discard
                if referenced is None and packet.size:
                    referenced = packet.is_keyframe
                decoded = packet.decode()
            except StopIteration:
                return
            except av.FFmpegError as error:
                n_errors += 1
                if size is not None or n_errors > DAMAGE_TOLERATED_AT_START:
                    self.damage = f"damaged data ({error.strerror})"
                    return
                continue
            for frame in decoded:
                referenced = referenced or frame.key_frame
                if not referenced:
                    self.n_unreferenced += 1
                    continue
                if frame.is_corrupt and size is None:
                    continue
                size = size or (frame.width, frame.height)
                if frame.is_corrupt or (frame.width, frame.height) != size:
                    self.damage = "a damaged frame" if frame.is_corrupt else "a change of the frame size"
                    return
                yield frame

    def _sound_packets(self) -> Iterator[av.Packet]:
        """Packets up to the first with a wrong checksum; an empty one there makes the decoder give out what it holds."""
        checksums = SliceChecksums(self.stream.codec_context.name)
        for packet in self._container.demux(self.stream):
            if checksums.find_damage(packet):
                self.damage, last = "a wrong checksum", av.Packet()
                last.stream, last.time_base = self.stream, packet.time_base
                yield last
                return
            yield packet

    def packet_times_s(self) -> Iterator[float]:
        """Presentation times of the packets in coding order, NaN where one has none, up to the first damage.

        Reads the file, decodes nothing; the reader can decode nothing afterwards.
        """
        try:
            for packet in self._container.demux(self.stream):
                if packet.size and not packet.is_discard:
                    yield math.nan if packet.pts is None else float(packet.pts * packet.time_base)
        except av.FFmpegError:
            return

    def timed_frames(self) -> Iterator[tuple[av.VideoFrame, float]]:
        """:meth:`frames` with their presentation times in seconds, which grow and need not start at 0.

        Where those of the container do not grow they are put right (:mod:`sfm_gt.video.timestamps`), alike for everybody.

        Raises:
            Rejected: no_timestamps or broken_timestamps.
        """
        repaired, before_s = self.repaired_times_s, -math.inf
        for frame_index, frame in enumerate(self.frames()):
            timestamp_s = _time_s(frame) if repaired is None else repaired[frame_index]
            if not timestamp_s > before_s:  # frames with other times than their packets
                message = f"{self.path.name}: the time of frame {frame_index} does not grow; {RETIME}"
                raise Rejected("broken_timestamps", message)
            yield frame, timestamp_s
            before_s = timestamp_s

    @cached_property
    def n_repaired_steps(self) -> int:
        """Steps from one frame to the next that are not the container's."""
        return _mended_times(self.path, _identity(self.path))[1]

    @cached_property
    def repaired_times_s(self) -> tuple[float, ...] | None:
        """Times of all frames where the container's do not grow, else None; for reasons see :meth:`timed_frames`."""
        return _mended_times(self.path, _identity(self.path))[0]


def _time_s(frame: av.VideoFrame) -> float:
    return math.nan if frame.pts is None else float(frame.pts * frame.time_base)


def _identity(path: Path) -> tuple[int, ...]:
    state = path.stat()
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


@lru_cache(maxsize=16)
def _mended_times(path: Path, identity: tuple[int, ...]) -> tuple[tuple[float, ...] | None, int]:
    """Growing times of all frames, None where the container's do; and how many steps are not the container's.

    Packets tell in most videos, at the cost of reading the file; only the others are decoded once more.
    """
    with closing(VideoReader(path)) as reader:
        stated_fps = float(reader.stream.guessed_rate or 0.0)
        reorders = bool(reader.stream.codec_context.has_b_frames)
        if timestamps.trustworthy(np.array(list(reader.packet_times_s())), stated_fps, reorders):
            return None, 0
    with closing(VideoReader(path)) as reader:
        raw_s = np.array([_time_s(frame) for frame in reader.frames()])
    if len(raw_s) == 0 or (len(raw_s) == 1 and np.isfinite(raw_s[0])):
        return None, 0
    if not np.isfinite(raw_s).any():
        message = f"{path.name}: frames carry no time; remux it (ffmpeg -fflags +genpts -c copy)"
        raise Rejected("no_timestamps", message, 0, len(raw_s))
    usual_s = timestamps.usual_step_s(raw_s, stated_fps)
    times_s = raw_s if usual_s is None else timestamps.mended_times(raw_s, usual_s)
    n_mended = timestamps.n_mended(raw_s, times_s)
    if usual_s is None or not timestamps.repairable(n_mended, raw_s, usual_s, stated_fps):
        message = f"{path.name}: the times of its frames do not grow, and no rate is known; {RETIME}"
        raise Rejected("broken_timestamps", message, n_mended, len(raw_s) // 2)
    return (tuple(times_s.tolist()), n_mended) if n_mended else (None, 0)


def display_of(reader: VideoReader, frame: av.VideoFrame) -> Display:
    """How frames of this video are shown: the container's aspect ratio, the display matrix of its first frame."""
    ratio = reader.stream.sample_aspect_ratio or reader.stream.codec_context.sample_aspect_ratio
    axes = (1, 0, 0, 1)
    for side_data in frame.side_data:
        if side_data.type.name == "DISPLAYMATRIX":
            axes = _axes_of_display_matrix(bytes(side_data))
    return Display(Fraction(ratio) if ratio else Fraction(1), axes)


def iterate_frames(
    path: Path, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, float, UInt8[np.ndarray, "h w 3"]]]:
    """(frame_index, timestamp_s, rgb) of frames ``first`` to ``last``, both included; all frames without ``last``.

    Frames are 8 bit RGB with square pixels, turned by the display matrix, HDR brought down by a fixed curve. Ends early where
    the video does.

    Raises:
        Rejected: the file cannot be opened as a video, or its frames carry no times that can be put right.
    """
    display = None
    with closing(VideoReader(path)) as reader:
        for frame_index, (frame, timestamp_s) in enumerate(reader.timed_frames()):
            display = display or display_of(reader, frame)
            if last is not None and frame_index > last:
                return
            if frame_index >= first:
                yield frame_index, timestamp_s, display.apply(to_rgb(frame))


def _open(path: Path) -> av.container.InputContainer:
    try:
        # With its protocol: FFmpeg takes what stands before a colon in a name for one.
        return av.open(f"file:{path}", options={"format_whitelist": CONTAINERS}, metadata_errors="replace")
    except OSError as error:
        raise Rejected(
            "unreadable", f"{path.name}: cannot be read ({error.strerror}); check the file and its permissions"
        ) from None
    except av.FFmpegError:
        with path.open("rb") as file:
            head = file.read(64)
        if any(magic in head for magic in CONTAINER_MAGIC):
            raise Rejected(
                "truncated", f"{path.name}: a video container that cannot be opened, cut off or damaged; copy it again"
            ) from None
        raise Rejected("not_a_video", f"{path.name}: not a video, despite its suffix; remove or replace it") from None


def _axes_of_display_matrix(content: bytes) -> tuple[int, int, int, int]:
    # Nine 16.16 fixed-point numbers, row by row (a b u, c d v, x y w): shown = (a x + c y, b x + d y). Turns by other
    # than quarters occur in no camera; they go to the nearest quarter.
    a, b, _, c, d = (int(value) for value in np.frombuffer(content, np.int32)[:5])
    if abs(b) > abs(a):
        return 0, int(np.sign(b)), int(np.sign(c)), 0
    return int(np.sign(a)), 0, 0, int(np.sign(d))
