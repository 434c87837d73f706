"""That a motif is found to be itself, on either strand and in part."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("pyjaspar", reason="pyjaspar is not installed: pip install 'epidyn[motifs]'")
pytest.importorskip("memelite", reason="memelite is not installed: pip install 'epidyn[motifs]'")

from epidyn.interpret.tomtom import compare
from epidyn.matrices import Matrix, load_matrices


@pytest.fixture(scope="module")
def matrices() -> list[Matrix]:
    return load_matrices()


@pytest.mark.parametrize("turned", [False, True])
def test_part_of_a_motif_is_recognised_where_it_lies(matrices: list[Matrix], turned: bool):
    whole = next(each for each in matrices if each.id == "MA0139.1").frequencies
    part = whole[4:16]
    found = compare([part[::-1, ::-1] if turned else part], matrices)
    best = found.iloc[0]
    assert (best["matrix"], best["name"], bool(best["reverse"])) == ("MA0139.1", "CTCF", turned)
    assert best["q"] < 1e-4
    assert (best["overlap"], best["offset"]) == (12, -3 if turned else -4)
    assert len(found) == len(matrices)
    assert found["q"].is_monotonic_increasing


@pytest.mark.parametrize("turned", [False, True])
def test_a_motif_wider_than_its_match(matrices: list[Matrix], turned: bool):
    inner = next(each for each in matrices if each.id == "MA0491.2").frequencies  # JUND, 13 columns
    even = np.full((1, 4), 0.25)
    wide = np.concatenate([even.repeat(2, 0), inner[::-1, ::-1] if turned else inner, even.repeat(3, 0)])
    found = compare([wide], matrices).set_index("matrix").loc["MA0491.2"]
    # Its core, TGA-TCA, reads nearly the same on either strand, so the strand is told by the flanks alone.
    assert (found["offset"], found["overlap"], bool(found["reverse"])) == (2, 13, turned)


def test_q_is_over_all_motifs(matrices: list[Matrix]):
    rng = np.random.default_rng(0)
    noise = [rng.dirichlet(np.full(4, 5.0), size=8) for _ in range(6)]
    found = compare([matrices[0].frequencies, *noise], matrices[:200])
    assert found["motif"].unique().tolist() == list(range(7))
    assert found[found["motif"] == 0].iloc[0]["matrix"] == matrices[0].id
    p = np.sort(found["p"].to_numpy())
    stepped = np.minimum.accumulate((p * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    assert np.sort(found["q"].to_numpy()) == pytest.approx(stepped)


def test_without_motifs_there_is_nothing(matrices: list[Matrix]):
    assert compare([], matrices).empty


THREADS = """
import numpy as np
import torch
from epidyn.interpret.tomtom import compare
from epidyn.matrices import load_matrices

matrices = load_matrices(collections=["CNE"])[:30]
compare([np.eye(4)], matrices)
print(torch.get_num_threads())
"""


def test_torch_keeps_its_threads():
    # In a process of its own: numba starts its threads, and changes the number of torch's, but once.
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", THREADS], env=surroundings, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
