"""Networks whose source lies on this machine in the form of torch hub: a folder with ``hubconf.py``, and weights apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.errors import InputError
from sfm_gt.models.shared.description import HubDescription
from sfm_gt.models.shared.torch_runtime import load_weights, offline, one_line

if TYPE_CHECKING:
    import torch


def load_from_hub(hub: HubDescription, beside: Path, weights: Path) -> torch.nn.Module:
    """The network of ``hub.entry`` with its weights, ready to run. The repository's code is executed.

    Args:
        beside: folder that ``hub.repository`` is relative to.

    Raises:
        InputError: no such repository or entry, a package that it needs is missing, it wants to download something, or the
            weights do not fit.
    """
    import torch

    repository = beside / hub.repository
    if not (repository / "hubconf.py").is_file():
        raise InputError(f"{repository}: holds no hubconf.py; clone the repository there, nothing is fetched")
    try:
        with offline(repository):
            network: Any = torch.hub.load(str(repository), hub.entry, source="local", **hub.arguments)
    except InputError:
        raise
    except Exception as error:  # whatever the repository's own code raises
        raise InputError(f"{repository}: {hub.entry} cannot be built ({one_line(error)})") from None
    load_weights(network, weights)
    return network.eval()
