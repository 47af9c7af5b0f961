"""Where the Snakefile lies: in the checkout, or where the wheel put it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import sfm_gt
from sfm_gt.errors import InputError

PROFILES = Path("pipelines") / "profiles"


def snakefile() -> Path:
    """The workflow's Snakefile; rules, profiles and defaults lie in ``pipelines`` beside it.

    Raises:
        InputError: neither a checkout nor an installed package has it.
    """
    in_checkout = Path(sfm_gt.__file__).resolve().parents[1] / "Snakefile"
    if in_checkout.is_file():
        return in_checkout
    try:
        installed = [file for file in files("sfm-gt") or () if file.name == "Snakefile"]
    except PackageNotFoundError:
        installed = []
    if not installed:
        raise InputError("no Snakefile is installed with sfm-gt; install it with pip, or use a checkout")
    return Path(str(installed[0].locate())).resolve()


def profile(name: str) -> str:
    """Path of a profile that ships with the workflow; any other name is left to Snakemake."""
    shipped = snakefile().parent / PROFILES / name
    return str(shipped) if shipped.is_dir() else name
