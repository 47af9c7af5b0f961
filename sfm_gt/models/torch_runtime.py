"""What the plug-ins that run PyTorch share: one thread a pass, the number of weights, files that are hashed together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sfm_gt.errors import InputError
from sfm_gt.models.network import NetworkFacts
from sfm_gt.models.prediction import file_sha256

if TYPE_CHECKING:
    import torch


@contextmanager
def inference() -> Iterator[None]:
    """No gradients, one thread; the caller's number of threads comes back.

    The workflow runs one job a core, and more threads would also make sums depend on the machine.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def facts_of(network: torch.nn.Module) -> NetworkFacts:
    """Size and precision of a network, on the CPU."""
    weights = list(network.parameters())
    precision = str(weights[0].dtype).removeprefix("torch.") if weights else "float32"
    return NetworkFacts(parameters=sum(weight.numel() for weight in weights), precision=precision)


def folder_sha256(files: Sequence[Path]) -> str:
    """One SHA-256 of several files: of their names and hashes, in order of name."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name} {file_sha256(file)}\n".encode())
    return digest.hexdigest()


def load_weights(network: torch.nn.Module, path: Path) -> None:
    """Loads a state dictionary, also one nested under "model", "state_dict" or "model_state_dict" of a checkpoint.

    Raises:
        InputError: the file cannot be read, or does not hold exactly the network's weights.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as fault:  # torch raises pickle's, zipfile's and its own errors
        reason = " ".join(str(fault).split())[:200]
        raise InputError(f"{path}: torch cannot load it ({reason}); give a file of torch.save(state_dict)") from None
    for key in ("model", "state_dict", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise InputError(f"{path}: found {type(content).__name__}, needed a state dictionary")
    try:
        network.load_state_dict(content)
    except RuntimeError as fault:
        reason = " ".join(str(fault).split())[:300]
        raise InputError(f"{path}: not the weights of this network ({reason}); give those of the same entry") from None
