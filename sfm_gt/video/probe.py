"""What a video is: size as shown, true frame count and times, and whether it can be used at all."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import av

from sfm_gt.errors import Rejected
from sfm_gt.video.combing import MAX_COMBED, CombingMeter
from sfm_gt.video.decode import VideoReader, display_of
from sfm_gt.video.hdr import transfer_of

MIN_FRAMES = 2  # one frame has no second view
MAX_INTERLACED = 0.05  # share of frames with the flag; a few stray flags are an encoder's fault
STEADY_SHARE = 0.98  # share of frame durations that must equal the commonest one in a video of constant frame rate
STEADY_TOLERANCE = 0.1  # of the commonest duration: containers round times (Matroska to whole milliseconds)
STATES_DURATION = ("matroska,webm", "flv", "asf")  # FFmpeg's names of containers whose header holds one, but no count
EXPECTED_SHARE = 0.98  # fewer frames than this share of what the header promises mean that the file was cut off


@dataclass(frozen=True)
class Probe:
    """Facts about one video, from decoding all of it.

    Attributes:
        width, height: as shown, with square pixels and after rotation.
        transfer: ``pq`` or ``hlg`` for HDR video, else ``sdr``; HDR is brought down to 8 bits by a fixed curve.
        rotation_deg: clockwise turn that the display matrix asks for.
        n_frames: frames that decode without damage.
        fps_mean: (n_frames - 1) over the time from the first to the last frame.
        timestamps: ``container``, or ``repaired`` where the container's do not grow.
        n_timestamps_repaired: steps from one frame to the next that are not the container's.
        truncated: the file ends early or is damaged; the frames before that point are used.
        warnings: one line on each thing that is not as the file says: where it ends, its times, tracks left out.
    """

    container: str
    codec: str
    pixel_format: str
    transfer: str
    width: int
    height: int
    rotation_deg: int
    mirrored: bool
    sample_aspect_ratio: str
    n_frames: int
    first_timestamp_s: float
    duration_s: float
    fps_mean: float
    variable_frame_rate: bool
    timestamps: str
    n_timestamps_repaired: int
    truncated: bool
    warnings: tuple[str, ...]


def probe_video(path: Path, min_short_side_px: int) -> Probe:
    """Decodes the whole video and returns what was found.

    Raises:
        Rejected: empty_file, not_a_video, no_video_stream, no_decoder, truncated, unreadable, damaged_video, too_small,
            too_few_frames, interlaced, no_timestamps or broken_timestamps; one line that names the file and the fix.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise Rejected("empty_file", f"{path.name}: the file is empty (0 bytes); copy or download it again", 0)
    with closing(VideoReader(path)) as reader:
        frames = reader.timed_frames()
        first, first_s = next(frames, (None, 0.0))
        if first is None:
            _refuse_damaged(reader, 0)
            raise Rejected("unreadable", f"{path.name}: no frame can be decoded; copy it again or re-encode it")
        width, height = display_of(reader, first).size(first.width, first.height)
        if min(width, height) < min_short_side_px:
            needed = f"needs a short side of {min_short_side_px} (frames.min_short_side_px)"
            message = f"{path.name}: {width}x{height} pixels; {needed}"
            raise Rejected("too_small", message, min(width, height), min_short_side_px)
        times = _Times()
        times.add(first_s)
        n_flagged, combing = int(first.interlaced_frame), CombingMeter()
        combing.add(first)
        for frame, timestamp_s in frames:
            times.add(timestamp_s)
            n_flagged += frame.interlaced_frame
            combing.add(frame)
        _refuse_interlaced(path, n_flagged / times.count, combing)
        if times.count < MIN_FRAMES:
            _refuse_damaged(reader, times.count)
            message = f"{path.name}: {times.count} frame; needs at least {MIN_FRAMES}, filmed by a moving camera"
            raise Rejected("too_few_frames", message, times.count, MIN_FRAMES)
        return _facts(reader, first, times)


def _refuse_damaged(reader: VideoReader, n_frames: int) -> None:
    if reader.damage is not None:
        message = (
            f"{reader.path.name}: frame {n_frames} cannot be decoded ({reader.damage}), which leaves too few; copy it "
            "again"
        )
        raise Rejected("damaged_video", message, n_frames, MIN_FRAMES)


def _refuse_interlaced(path: Path, flagged: float, combing: CombingMeter) -> None:
    # The two fields of such a frame were filmed at different times: no single camera pose is right for it.
    fix = "deinterlace it (ffmpeg -vf bwdif), or undo the pull-down of film (-vf fieldmatch,decimate), first"
    if flagged > MAX_INTERLACED:
        message = f"{path.name}: {100 * flagged:.0f} % of the frames are interlaced; {fix}"
        raise Rejected("interlaced", message, round(flagged, 4), MAX_INTERLACED)
    if combing.combed_share > MAX_COMBED:
        message = (
            f"{path.name}: even and odd lines show different times in {100 * combing.combed_share:.0f} % of "
            f"{combing.n_judged} frames looked at, though no flag says so; {fix}"
        )
        raise Rejected("interlaced", message, round(combing.combed_share, 4), MAX_COMBED)


def _facts(reader: VideoReader, first: av.VideoFrame, times: _Times) -> Probe:
    display, truncation = display_of(reader, first), _truncation(reader, times)
    width, height = display.size(first.width, first.height)
    return Probe(
        container=reader.container.format.name,
        codec=reader.stream.codec_context.name,
        pixel_format=first.format.name,
        transfer=transfer_of(first),
        width=width,
        height=height,
        rotation_deg=display.rotation_deg,
        mirrored=display.mirrored,
        sample_aspect_ratio=f"{display.sample_aspect_ratio.numerator}:{display.sample_aspect_ratio.denominator}",
        n_frames=times.count,
        first_timestamp_s=times.first_s,
        duration_s=times.duration_s,
        fps_mean=times.fps_mean,
        variable_frame_rate=times.variable,
        timestamps="repaired" if reader.n_repaired_steps else "container",
        n_timestamps_repaired=reader.n_repaired_steps,
        truncated=truncation is not None,
        warnings=tuple(
            line
            for line in (truncation, _beginning(reader), _repair(reader), _other_tracks(reader))
            if line is not None
        ),
    )


def _beginning(reader: VideoReader) -> str | None:
    if reader.n_unreferenced == 0:
        return None
    return f"{reader.path.name}: begins without a key frame; the {reader.n_unreferenced} frames before the first are left out"


def _repair(reader: VideoReader) -> str | None:
    if reader.n_repaired_steps == 0:
        return None
    return (
        f"{reader.path.name}: time does not grow from frame to frame at {reader.n_repaired_steps} place(s); put right from "
        "the order of the frames and their rate"
    )


def _other_tracks(reader: VideoReader) -> str | None:
    if reader.n_video_tracks == 1:
        return None
    return f"{reader.path.name}: holds {reader.n_video_tracks} video tracks; the first is used"


class _Times:
    """Running statistics of timestamps: a counter of frame durations, so that memory does not grow with length."""

    def __init__(self) -> None:
        self.count = 0
        self.first_s = 0.0
        self.last_s = 0.0
        self._steps: Counter[float] = Counter()

    def add(self, timestamp_s: float) -> None:
        if self.count == 0:
            self.first_s = timestamp_s
        else:
            # Rounded to microseconds, finer than any container's clock needs, so that equal steps are counted as equal.
            self._steps[round(timestamp_s - self.last_s, 6)] += 1
        self.last_s = timestamp_s
        self.count += 1

    @property
    def usual_step_s(self) -> float:
        return max(self._steps.items(), key=lambda item: (item[1], -item[0]))[0]

    @property
    def duration_s(self) -> float:
        return round(self.last_s - self.first_s + self.usual_step_s, 6)

    @property
    def fps_mean(self) -> float:
        span_s = self.last_s - self.first_s
        return round((self.count - 1) / span_s, 4) if span_s > 0 else 0.0

    @property
    def variable(self) -> bool:
        usual = self.usual_step_s
        steady = sum(n for step, n in self._steps.items() if abs(step - usual) <= STEADY_TOLERANCE * usual)
        return steady < STEADY_SHARE * sum(self._steps.values())


def _truncation(reader: VideoReader, times: _Times) -> str | None:
    # Packets are counted, not frames: a stream that starts in an open group of pictures loses frames, but is whole.
    found, expected = reader.n_packets, _promised_packets(reader)
    if expected == 0:
        found, expected = times.count, _frames_by_duration(reader, times)
    if reader.damage is None and found >= EXPECTED_SHARE * expected - 1:
        return None
    why = reader.damage or f"the header promises {expected}"
    return (
        f"{reader.path.name}: only frames 0 to {times.count - 1} can be used; frame {times.count} is damaged or missing "
        f"({why}); copy it again for the rest"
    )


def _promised_packets(reader: VideoReader) -> int:
    """Packets that the index lists; 0 where the container counts none."""
    entries = reader.stream.index_entries
    if reader.stream.frames and "mp4" in reader.container.format.name:
        # The header counts all samples; the index is cut to what the edit list shows.
        return sum(not entry.is_discard and entry.size > 0 for entry in entries)
    # A frame that repeats the one before is an empty chunk in AVI.
    return max(0, reader.stream.frames - sum(entry.size == 0 for entry in entries))


def _frames_by_duration(reader: VideoReader, times: _Times) -> int:
    # Some containers count no frames. Their duration covers all streams, so it says something of a lone one only; it
    # reaches from the zero of the clock. MPEG streams state none: what FFmpeg reports is measured.
    stated = reader.container.format.name in STATES_DURATION
    alone = stated and len(reader.container.streams) == 1
    if reader.container.duration is None or not alone or times.variable or reader.n_repaired_steps:
        return 0
    return int((reader.container.duration / 1_000_000 - max(0.0, times.first_s)) / (times.usual_step_s or 1))
