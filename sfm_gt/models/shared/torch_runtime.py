"""What the plug-ins that run PyTorch share: one thread a pass, no network, weights and their hash."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.errors import InputError
from sfm_gt.models.shared.network import NetworkFacts
from sfm_gt.models.shared.prediction import file_sha256

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


def facts_of(network: torch.nn.Module, frames_per_pass: int = 1) -> NetworkFacts:
    """Size and precision of a network, on the CPU."""
    weights = list(network.parameters())
    precision = str(weights[0].dtype).removeprefix("torch.") if weights else "float32"
    parameters = sum(weight.numel() for weight in weights)
    return NetworkFacts(parameters=parameters, precision=precision, frames_per_pass=frames_per_pass)


def check_complete(network: torch.nn.Module, stored: Set[str], path: Path) -> None:
    """Packages that load what fits and leave the rest random must not do so silently.

    Args:
        stored: names of the weights in the file ``path``.

    Raises:
        InputError: some weight of the network is not among them.
    """
    names: dict[int, list[str]] = {}
    for name, weight in network.named_parameters(remove_duplicate=False):
        names.setdefault(id(weight), []).append(name)
    # A weight that several layers share is stored under one of its names.
    missing = [of_weight[0] for of_weight in names.values() if stored.isdisjoint(of_weight)]
    if missing:
        raise InputError(f"{path}: lacks {len(missing)} weights of the network ({missing[0]}); download it again")


def folder_sha256(files: Sequence[Path]) -> str:
    """One SHA-256 of several files: of their names and hashes, in order of name."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name} {file_sha256(file)}\n".encode())
    return digest.hexdigest()


@contextmanager
def offline(what: Path) -> Iterator[None]:
    """No code inside may reach the network: other people's loaders download whatever they miss.

    Raises:
        InputError: something tried to; the message names ``what`` was being loaded.
    """
    _install_guard()
    token = _LOADING.set(what)
    try:
        yield
    finally:
        _LOADING.reset(token)


_LOADING: ContextVar[Path | None] = ContextVar("loading", default=None)


@cache
def _install_guard() -> None:
    sys.addaudithook(_refuse_network)  # cannot be taken off again, and does nothing outside of offline()


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.getaddrinfo"):
        return
    what = _LOADING.get()
    if what is not None:
        address = arguments[1] if event == "socket.connect" else arguments[0]
        host = address[0] if isinstance(address, tuple) else address
        raise InputError(
            f"{what}: its loader wants to fetch something from {host}; put everything it needs on this machine"
        )


def load_weights(network: torch.nn.Module, path: Path) -> None:
    """Loads a state dictionary, also one nested under "model", "state_dict" or "model_state_dict" of a checkpoint.

    Raises:
        InputError: the file cannot be read, or weights of the network are missing or of another shape.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle's, zipfile's and its own errors
        raise InputError(
            f"{path}: torch cannot load it ({one_line(error)}); give a file of torch.save(state_dict)"
        ) from None
    for key in ("model", "state_dict", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise InputError(f"{path}: found {type(content).__name__}, needed a state dictionary")
    try:
        # Checkpoints of training hold more than the network; less would leave random numbers in it.
        missing = network.load_state_dict(content, strict=False).missing_keys
    except RuntimeError as error:
        raise InputError(
            f"{path}: not the weights of this network ({one_line(error)}); give those of the same entry"
        ) from None
    if missing:
        raise InputError(
            f"{path}: lacks {len(missing)} weights of the network ({missing[0]}); give those of the same entry"
        )


def one_line(error: Exception) -> str:
    """The beginning of a foreign error's message, in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
