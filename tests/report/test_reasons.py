"""Advice on reason codes: there for every code that the package gives, and the right one where two stages share a code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sfm_gt
from sfm_gt.report.page import code_spans
from sfm_gt.report.reasons import reasons, remedy

GIVEN = re.compile(r'(?:Rejected\(\s*|"reason": )"(\w+)"')
NO_REFUSALS = {"metric: false", "unfinished"}


def test_codes_of_the_sources_have_advice_and_advice_is_of_codes_that_exist():
    sources = "\n".join(path.read_text() for path in sorted(Path(sfm_gt.__file__).parent.rglob("*.py")))
    known = {code for reason in reasons() for code in reason.codes}
    given = set(GIVEN.findall(sources)) - NO_REFUSALS
    assert {"small_parallax", "static_camera", "blank"} & given, "the pattern finds codes"
    assert given - known == set()
    assert [code for code in sorted(known) if f'"{code}"' not in sources and f"``{code}``" not in sources] == []


@pytest.mark.parametrize(
    ("code", "stage", "words"),
    [
        (
            "small_parallax",
            "sfm",
            "walk further, and around the scene, without electronic stabilisation, or raise `sfm.max_rel_depth_sigma`",
        ),
        ("still_image", "sfm", "film with a moving camera"),
        ("no_such_code", "sfm", ""),
    ],
)
def test_advice(code, stage, words):
    assert remedy(code, stage) == words


def test_code_spans_become_code_and_nothing_else_becomes_markup():
    assert code_spans("set `a: <b>` or <i>") == "set <code>a: &lt;b&gt;</code> or &lt;i&gt;"
