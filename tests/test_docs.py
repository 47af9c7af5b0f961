"""The documentation site: it builds, a broken link does not, and what it says of commands and settings is the code's."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sfm_gt.config import Config

DOCS = Path(__file__).resolve().parents[1] / "docs"
BUILD = DOCS / "build_site.py"
GENERATED = {"cli.md", "configuration.md", "CHANGELOG.md"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation") / "site"
    subprocess.run([sys.executable, BUILD, folder], check=True, capture_output=True)
    return folder


def _pages(entries: list) -> set[str]:
    """Names of files in a navigation."""
    inner = [value for entry in entries for value in (entry.values() if isinstance(entry, dict) else [entry])]
    return {page for value in inner for page in (_pages(value) if isinstance(value, list) else {value})}


def test_every_page_is_in_the_navigation() -> None:
    listed = _pages(tomllib.loads((DOCS / "zensical.toml").read_text())["project"]["nav"])
    assert listed == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} | GENERATED


def test_every_command_and_setting_is_in_the_reference(site: Path) -> None:
    commands, settings = ((site / f"{name}.html").read_text() for name in ("cli", "configuration"))
    assert {"run", "ingest", "sfm", "evaluate", "forget"} <= set(re.findall(r'id="sfm-gt-(\w+)"', commands))
    for section, field in Config.model_fields.items():
        assert f"<code>{section}</code>" in settings
        for key in getattr(field.annotation, "model_fields", {}):
            assert f"<code>{key}</code>" in settings, f"{section}: {key}"
    assert "number &gt; 0, ≤ 0.2" in settings, "bounds of clean.max_rel_sigma"


def test_pages_ask_nobody_else_for_scripts_styles_or_fonts(site: Path) -> None:
    for page in site.glob("*.html"):
        assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="?https?://', page.read_text()) == [], page.name


@pytest.mark.parametrize("link", ["nowhere.md", "faq.md#nowhere"])
def test_a_broken_link_fails_the_build(tmp_path: Path, link: str) -> None:
    spec = importlib.util.spec_from_file_location("build_site", BUILD)
    build_site = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build_site)
    build_site.lay_out(tmp_path)
    (tmp_path / "docs" / "tutorial.md").write_text(f"# Tutorial\n\n[there]({link})\n")
    said = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=tmp_path, check=False, capture_output=True
    )
    assert said.returncode != 0
