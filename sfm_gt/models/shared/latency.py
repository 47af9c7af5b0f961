"""What a network costs: size, time of a pass, memory.

Every frame of the predict stage is timed; the first one warms up and is left out where there are more. The figures lie
in ``predictions/<model>/<video>/<clip>/latency.json``, apart from the manifest, since clock times differ from run to run and
manifests do not:

    parameters       number of weights, null where the runtime does not tell
    device           "cpu" or "cuda"; device_name: the processor's own name
    precision        of most weights, as "float32" or "int8"; threads: cores that a pass may use
    batch            always 1; frames_per_pass: 1, or the window of a video network
    width, height    of the images, before preprocessing
    passes           number of passes that were timed
    forward_ms       {median, p25, p75}: the network alone
    total_ms         {median, p25, p75}: with pre- and postprocessing
    peak_memory_mb   largest resident set of the process so far, MB of 10^6 bytes; of a `sfm-gt predict` that is one model

Spread is the range from the 25th to the 75th percentile.
"""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.network import NetworkFacts, NetworkModel
from sfm_gt.models.shared.prediction import Prediction

LATENCY_NAME = "latency.json"


@dataclass(frozen=True)
class PassTime:
    """Seconds of one pass: the network alone, and with pre- and postprocessing."""

    forward_s: float
    total_s: float


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    p25: float
    p75: float


@dataclass(frozen=True)
class Latency:
    """Content of latency.json; the module's docstring says what each field means."""

    parameters: int | None
    device: str
    device_name: str
    precision: str
    threads: int
    batch: int
    frames_per_pass: int
    width: int
    height: int
    passes: int
    forward_ms: Spread
    total_ms: Spread
    peak_memory_mb: float


def timed_prediction(
    model: NetworkModel, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None
) -> tuple[Prediction, PassTime]:
    """The prediction for one image, and how long it took."""
    start = time.perf_counter()
    prepared = model.prepare(image, camera)
    before = time.perf_counter()
    output = model.forward(prepared)
    after = time.perf_counter()
    prediction = model.finish(output, image, camera)
    return prediction, PassTime(after - before, time.perf_counter() - start)


def summary(facts: NetworkFacts, times: Sequence[PassTime], width: int, height: int) -> Latency:
    """The figures of one clip. Raises ValueError for no pass at all."""
    if not times:
        raise ValueError("no pass was timed")
    kept = times[1:] or times
    return Latency(
        parameters=facts.parameters,
        device=facts.device,
        device_name=_device_name(facts.device),
        precision=facts.precision,
        threads=facts.threads,
        batch=1,
        frames_per_pass=facts.frames_per_pass,
        width=width,
        height=height,
        passes=len(kept),
        forward_ms=_spread([t.forward_s for t in kept]),
        total_ms=_spread([t.total_s for t in kept]),
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,  # Linux counts in KiB
    )


def write_latency(folder: Path, latency: Latency) -> None:
    """Writes ``folder/latency.json``."""
    write_json(folder / LATENCY_NAME, asdict(latency))


def read_latency(folder: Path) -> Latency | None:
    """The figures of one model on one clip, None for baselines and predictions that came from elsewhere.

    Raises:
        InputError: the file is not JSON.
    """
    if not (folder / LATENCY_NAME).is_file():
        return None
    content = read_json(folder / LATENCY_NAME)
    spreads = {key: Spread(**content[key]) for key in ("forward_ms", "total_ms")}
    return Latency(**content | spreads)


def _spread(seconds: Sequence[float]) -> Spread:
    p25, median, p75 = (float(value) for value in np.percentile(np.array(seconds) * 1e3, [25, 50, 75]))
    return Spread(median, p25, p75)


def _device_name(device: str) -> str:
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
