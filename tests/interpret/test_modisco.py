"""Planted contributions come out of TF-MoDISco-lite; folders it cannot use are refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn.errors import ConfigError
from epidyn.interpret.arrays import Contributions
from epidyn.interpret.modisco import find_patterns

MOTIF = [0, 2, 1, 3, 2, 0, 1, 3, 3, 0]


def planted(windows: int = 300, length: int = 120) -> Contributions:
    """Windows with one instance each, of either strand, whose bases each add 1 to the logit."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (windows, length))
    hypothetical = 0.02 * rng.standard_normal((windows, length, 4)).astype(np.float32)
    for row, at in enumerate(rng.integers(30, 80, windows)):
        motif = MOTIF if row % 2 else [3 - base for base in reversed(MOTIF)]
        codes[row, at : at + len(motif)] = motif
        hypothetical[row, at : at + len(motif)] += np.eye(4)[motif] - 0.25
    onehot = (codes[..., None] == np.arange(4)).astype(np.uint8)
    return Contributions(pd.DataFrame({"chrom": "chr1", "start": range(windows)}), onehot, hypothetical)


RUN = """
import sys
import numpy as np
from epidyn.interpret.modisco import find_patterns
from tests.interpret.test_modisco import planted

(pattern,) = find_patterns(planted(), "promoter", max_seqlets=500, leiden_runs=2)
np.savez(sys.argv[1], frequencies=pattern.frequencies, contributions=pattern.contributions,
         counts=[pattern.sign, pattern.seqlets])
"""


def test_finds_what_was_planted(tmp_path: Path):
    # In a process of its own: it forks, and what it loads changes the last digits of later float32 sums.
    command = [sys.executable, "-c", RUN, str(tmp_path / "found.npz")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "found.npz")
    sign, seqlets = found["counts"].tolist()
    assert sign == 1
    assert 150 < seqlets <= 300
    assert found["frequencies"].argmax(axis=1).tolist() in (MOTIF, [3 - base for base in reversed(MOTIF)])
    assert found["frequencies"].max(axis=1) == pytest.approx(1, abs=0.1)
    assert found["contributions"].sum(axis=1) == pytest.approx(0.75, abs=0.1)


def test_refuses_too_much_and_too_short():
    given = planted(windows=3, length=100)
    with pytest.raises(ConfigError, match=r"300 positions, of which 299 are allowed.*--top"):
        find_patterns(given, "promoter", max_positions=299)
    short = Contributions(given.windows, given.onehot[:, :41], given.hypothetical[:, :41])
    with pytest.raises(ConfigError, match="have 41 bases"):
        find_patterns(short, "promoter")


def test_names_the_extra_where_it_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "modiscolite.tfmodisco", None)
    with pytest.raises(ConfigError, match=r"pip install 'epidyn\[modisco\]'"):
        find_patterns(planted(3), "promoter")
