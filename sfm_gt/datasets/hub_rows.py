"""Rows of ``sfm-gt export --format huggingface`` and of releases, read by Hugging Face ``datasets``, as items to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sfm_gt.datasets.facts import require_facts
from sfm_gt.datasets.items import Item
from sfm_gt.datasets.one_size import Size, fitted, require_size
from sfm_gt.datasets.shared_memory_collate import stored_item
from sfm_gt.errors import NotMetricError, one_line
from sfm_gt.formats.dataset_layout import LAYERS


def items_of_rows(rows: Mapping[str, Sequence[Any]], size: Size | None = None) -> dict[str, list[Any]]:
    """Turns rows into items, see ``items.py`` for the keys: a transform for ``datasets``.

        rows = datasets.load_dataset(RELEASE, split="train").filter(lambda metric: metric, input_columns="metric")
        frames = rows.with_transform(functools.partial(items_of_rows, size=(384, 512)))

    Args:
        rows: decoded values of each column, as ``with_transform`` hands them over.
        size: height and width that all frames are brought to, see ``one_size.py``; None leaves them as they are.

    Raises:
        NotMetricError: a row without metric scale.
        InputError: a layer of another size or of other values than needed, or a column that holds what it cannot.
    """
    require_size(size)
    items = [
        _item({column: values[number] for column, values in rows.items()}, size)
        for number in range(len(rows["metric"]))
    ]
    return {key: [item[key] for item in items] for key in items[0]} if items else {}


def _item(row: Mapping[str, Any], size: Size | None) -> Item:
    where = one_line(f"{row['clip_id']}, frame {row['frame_index']}")
    if row["metric"] is False:
        raise NotMetricError(f"{where}: no metric scale; filter the rows by their column `metric` first")
    facts = require_facts({key: value for key, value in row.items() if key not in LAYERS}, where)
    pixels = {layer: np.asarray(row[layer]) for layer in LAYERS if row[layer] is not None}
    return fitted(stored_item(pixels, facts, where), size).tensors
