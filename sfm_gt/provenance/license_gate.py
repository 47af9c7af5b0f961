"""Licence gate: refuses a data set, or clips of it, for a use that a source does not allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sfm_gt.datasets.frames import Dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import CLIP_JSON
from sfm_gt.formats.license_terms import Action, Permission, Use, refusal
from sfm_gt.formats.sources import source_of

MAX_NAMED = 5


def require(
    dataset: Dataset, clip_ids: Iterable[str], action: Action, use: Use, terms: Mapping[str, Sequence[Permission]]
) -> None:
    """Returns when every source of the clips allows ``action`` for ``use``.

    Raises:
        InputError: some do not; the message names them, what stands against it, and what to change.
    """
    against: dict[str, str] = {}
    for clip_id in (clip_id for clip_id in clip_ids if clip_id in dataset.clip_ids):
        source = source_of(dataset.clip_info(clip_id), f"{clip_id}/{CLIP_JSON}")
        if reason := refusal(source.license, source.consent, use, action, terms):
            against[source.path] = reason
    if against:
        named = "; ".join(f"{path}: {reason}" for path, reason in sorted(against.items())[:MAX_NAMED])
        more = f"; and {len(against) - MAX_NAMED} more" if len(against) > MAX_NAMED else ""
        raise InputError(f"{action} for {use} use is not allowed: {named}{more}. Leave these sources out, fix their "
                         "sidecars, or state another provenance.use")  # fmt: skip
