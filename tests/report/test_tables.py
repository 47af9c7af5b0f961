"""Tables and plots as files: what is shown, what is missing, and a page whose columns sort in a real browser."""

from __future__ import annotations

import math
import re
import shutil
import subprocess

import pytest

from sfm_gt.report import plots, tables
from sfm_gt.report.page import render_tables

NAN = math.nan


def _row(model, abs_rel, **changes):
    return {
        "model": model, "rank": 1, "rank_low": 1, "rank_high": 2, "abs_rel": abs_rel, "abs_rel_low": 0.1,
        "abs_rel_high": 0.3, "delta1": 0.9, "delta1_low": NAN, "delta1_high": NAN, "alignment": "ls_affine_depth",
        "kind": "affine_invariant_depth", "abs_rel_image_mean": 0.2, "delta1_image_mean": NAN, "abs_rel_floor": 0.01,
        "videos": 3, "frames": 12, "pixels": 1234567, "missing_frames": 2, "missing_pixel_share": 0.125,
    } | changes  # fmt: skip


ROWS = [_row("b", 0.25), _row("a_1", 0.2, rank=None), _row("c", NAN, abs_rel_low=NAN, abs_rel_high=NAN)]


@pytest.mark.parametrize(("ause", "stated"), [(None, False), (math.nan, False), (0.0, True)])
def test_columns_of_uncertainty_stand_where_a_model_states_one_also_as_read_from_json(ause, stated):
    assert ("ause" in tables.headline([{"ause": ause}, {}])) == stated


def test_markdown():
    text = tables.markdown(tables.table(tables.HEADLINE, ROWS, ["A line."]))
    first, _, b, a, c = text.splitlines()[:5]
    assert first.startswith("| model | rank | AbsRel ↓ | δ1 ↑ |")
    assert "| b | 1 [1–2] | 0.250 [0.100, 0.300] | 0.900 |" in b
    assert "1 234 567 | 2 + 12 % px |" in b
    assert a.startswith("| a_1 | – |")
    assert c.startswith("| c | 1 [1–2] | – |"), "what is missing is no zero"
    assert text.endswith("A line.\n\n")


def test_latex():
    text = tables.latex(tables.table(tables.HEADLINE, ROWS, ["A line."]))
    for words in (r"\toprule", r"\bottomrule", r"a\_1", r"AbsRel $\downarrow$", r"$\delta_1$", "% A line."):
        assert words in text
    assert "–" not in text


def test_csv_keeps_every_digit_and_leaves_gaps():
    lines = tables.csv([{"model": "m", "x": 1 / 3, "y": NAN}], "abc").splitlines()
    assert lines == ["model,x,y,hash", f"m,{1 / 3!r},,abc"]


def test_differences_say_what_is_not_resolved():
    row = {
        "protocol": "p", "model": "a", "other": "b", "metric": "abs_rel", "difference": -0.001, "low": -0.002,
        "high": -0.0005, "p_holm": 0.02, "resolution": 0.01, "verdict": "below_resolution", "videos": 3, "frames": 4,
        "left_out_frames": 1,
    }  # fmt: skip
    text = tables.markdown(tables.table(tables.DIFFERENCES, [row], []))
    assert "-0.001 [-0.002, -0.001] | 0.020 | 0.010 | not resolved: within the error of the GT | 3 | 4 | 1 |" in text


def test_plots_are_the_same_bytes_again_and_empty_without_data():
    depth = [
        {"model": "m", "alignment": "none", "near_m": 2.0**k, "far_m": 2.0 ** (k + 1), "abs_rel": 0.1} for k in range(3)
    ]
    for plot, rows in ((plots.error_plot, ROWS), (plots.rank_plot, ROWS), (plots.depth_plot, depth)):
        assert plot(rows).rstrip().endswith("</svg>")
        assert plot(rows) == plot(rows)
        assert plot([]) == ""


SELF_TEST = """<script>
window.addEventListener("load", () => {
  const table = document.querySelector("table.sortable");
  const order = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent).join("");
  const seen = [order()];
  for (const column of [0, 2, 2]) { table.tHead.rows[0].cells[column].click(); seen.push(order()); }
  const images = [...document.images].map((image) => image.complete && image.naturalWidth > 0);
  document.title = "RESULT " + seen.join(" ") + " IMAGES " + images.join(" ");
});
</script></head>"""


def test_columns_sort_and_images_load_in_a_browser(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine: page not tried in a browser")
    shown = {name: tables.table(tables.HEADLINE, ROWS if name == "table" else [], [])
             for name in ("table", "sensitivity", "freedoms", "differences", "regions")}  # fmt: skip
    page = tmp_path / "page.html"
    page.write_text(render_tables(shown, ["ranks"]).replace("</head>", SELF_TEST), encoding="utf-8")
    (tmp_path / "ranks.svg").write_text(plots.rank_plot(ROWS), encoding="utf-8")
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                 f"--user-data-dir={tmp_path / 'profile'}",
                 "--virtual-time-budget=2000", "--dump-dom", page.as_uri()]  # fmt: skip
    found = subprocess.run([browser, *arguments], capture_output=True, text=True, timeout=120, check=True)
    # As given; by name; by AbsRel, a gap last; the other way round.
    assert re.search("RESULT (.*)</title>", found.stdout)[1] == "ba_1c a_1bc a_1bc cba_1 IMAGES true"
    assert "CONSOLE" not in found.stderr
