"""Turns pydantic's errors into lines that name the key, the nearest valid key and what was needed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError

Model = TypeVar("Model", bound=BaseModel)
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number; pydantic would take true and "1" for one."""
Whole = Annotated[int, Field(strict=True)]
"""A whole number, likewise."""


def validated(model: type[Model], content: Any, where: str, error: type[Exception]) -> Model:
    """``content`` as an instance of ``model``.

    Args:
        where: what is being read, the beginning of every message (a file name or "config").
        error: raised with one line for all problems.
    """
    try:
        return model.model_validate(content)
    except ValidationError as invalid:
        lines = dict.fromkeys(_explain(model, one) for one in invalid.errors())
        raise error(f"{where}: " + "; ".join(lines)) from None


def _explain(model: type[BaseModel], problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        beside = _keys_beside(model, problem["loc"][:-1])
        nearest = difflib.get_close_matches(str(problem["loc"][-1]), beside, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(beside)}"
        return f"unknown key {key!r}; {hint}"
    if problem["type"] == "missing":
        return f"{key!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{key} = {problem['input']!r}: {message[:1].lower()}{message[1:]}" if key else str(message)


def _keys_beside(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    for part in location:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if isinstance(part, str) and part in fields:
            model = next(_models_in(fields[part].annotation), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation such as ``tuple[Model, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
