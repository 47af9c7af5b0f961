"""A tenth of the malformed inputs of ``benchmarks/safety/malformed.py``: read or refused in one line, nothing else."""

from __future__ import annotations

import pytest

from benchmarks.safety.malformed import DAMAGES, inputs, judged, kinds, run

N_INPUTS, SEED = 120, 1


@pytest.fixture(autouse=True)
def _needs_exr() -> None:
    pytest.importorskip("OpenEXR")


def test_every_input_is_read_or_refused_in_one_line_that_names_its_file():
    found = run(N_INPUTS, SEED)
    assert found["faults"] == []
    assert sum(count["inputs"] for count in found["kinds"].values()) == N_INPUTS
    assert all(count["inputs"] >= 9 for count in found["kinds"].values()), "every kind is tried"
    assert sum(count["refused"] for count in found["kinds"].values()) > N_INPUTS / 2


def test_a_seed_gives_the_same_inputs_again_and_every_damage_occurs():
    one, again = list(inputs(N_INPUTS, SEED)), list(inputs(N_INPUTS, SEED))
    assert one == again
    assert {damage for _, damage, _ in one} == {damage.__name__ for damage in DAMAGES}


@pytest.mark.parametrize("name", [name for name in kinds() if name != "video"])
def test_a_sound_file_is_read(tmp_path, name):
    kind = kinds()[name]
    assert judged(kind, kind.sound, tmp_path) == ("read", "")
