"""Protocols named after papers agree with what their code computes, and every known difference is one."""

from __future__ import annotations

import json

import pytest

from benchmarks.accuracy.conformance import CASES, EXPLAINED, INPUTS, RESULT, TOLERANCE, apart, table


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("what", INPUTS)
def test_protocols_follow_the_code_that_they_are_named_after(case, what):
    found, known = apart(case, what), EXPLAINED.get((case.name, what))
    assert {name for name, value in found.items() if value > TOLERANCE} == set(known.figures if known else ())


def test_the_committed_table_is_of_this_code():
    def shape(rows):
        return [(row["case"], {what: list(cell["explained"]) for what, cell in row["cells"].items()}) for row in rows]

    assert shape(json.loads(RESULT.read_text())["rows"]) == shape(table())
