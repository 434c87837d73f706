"""Arrays of saturation mutagenesis against numbers worked out by hand, and in the form that modisco reads."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn.errors import InputFileError
from epidyn.interpret.arrays import contributions, write_arrays
from epidyn.interpret.effects import EffectsFolder, read_effects

COLUMNS = ["pair", "role", "chrom", "start", "end", "offset", "effect", "probability_effect", "ref", "alt"]


def saturated(
    path: Path, rows: list[tuple[int, str, int, int, str, str, float]], method: str = "saturation"
) -> EffectsFolder:
    """A folder of effects; rows are pair, role, window, offset, ref, alt, effect; the promoter's window has 4."""
    effects = [(p, r, "chr1", w + o, w + o + 1, o, e, 0.0, ref, alt) for p, r, w, o, ref, alt, e in rows]
    pairs = pd.DataFrame({"pair": sorted({row[0] for row in rows})}).assign(logit=3.0, probability=0.95)
    pairs.to_csv(path / "pairs.tsv", sep="\t", index=False)
    with gzip.open(path / "effects.tsv.gz", "wt") as handle:
        pd.DataFrame(effects, columns=COLUMNS).to_csv(handle, sep="\t", index=False)
    settings = {"format": 1, "method": method, "windows": {"enhancer": 5, "promoter": 4}}
    (path / "explain.json").write_text(json.dumps(settings))
    return read_effects(path)


def test_hypothetical_contributions_by_hand(tmp_path: Path):
    # Base C at 2 of a promoter: A lowers the logit by 4, G raises it by 2, T changes nothing.
    rows = [
        (7, "promoter", 100, 2, "C", "A", 4.0),
        (7, "promoter", 100, 2, "C", "G", -2.0),
        (7, "promoter", 100, 2, "C", "T", 0.0),
    ]
    found = contributions(saturated(tmp_path, rows), "promoter")
    assert found.windows.values.tolist() == [["chr1", 100]]
    # Logits less that with C: -4, 0, 2, 0, whose mean is -0.5.
    assert found.hypothetical[0, 2].tolist() == [-3.5, 0.5, 2.5, 0.5]
    assert found.onehot[0].tolist() == [[0] * 4, [0] * 4, [0, 1, 0, 0], [0] * 4]
    assert not found.hypothetical[0, [0, 1, 3]].any()
    assert contributions(saturated(tmp_path, rows), "enhancer").windows.empty


def test_a_window_of_two_pairs_is_there_once_by_its_mean(tmp_path: Path):
    rows = [
        (pair, "enhancer", window, 0, "A", alt, effect)
        for pair, window, size in ((0, -3, 1.0), (1, 50, 5.0), (2, -3, 3.0))
        for alt, effect in zip("CGT", (size, 2 * size, 3 * size), strict=True)
    ]
    found = contributions(saturated(tmp_path, rows), "enhancer")
    assert found.windows.values.tolist() == [["chr1", -3], ["chr1", 50]]
    assert found.hypothetical[0, 0].tolist() == pytest.approx([3, 1, -1, -3])  # mean size 2
    assert found.hypothetical[1, 0].tolist() == pytest.approx([7.5, 2.5, -2.5, -7.5])


def test_files_are_what_modisco_loads(tmp_path: Path):
    rows = [(0, role, 10, 1, "G", alt, 1.0) for role in ("enhancer", "promoter") for alt in "ACT"]
    folder = saturated(tmp_path, rows)
    write_arrays(folder, tmp_path)
    for role, length in (("enhancer", 5), ("promoter", 4)):
        onehot = np.load(tmp_path / f"{role}_onehot.npz")["arr_0"]
        hypothetical = np.load(tmp_path / f"{role}_hypothetical.npz")["arr_0"]
        assert onehot.shape == hypothetical.shape == (1, 4, length)
        assert onehot[0, :, 1].tolist() == [0, 0, 1, 0]
        assert hypothetical[0, :, 1].tolist() == pytest.approx([-0.25, -0.25, 0.75, -0.25])
    table = pd.read_csv(tmp_path / "arrays.tsv", sep="\t")
    assert table.values.tolist() == [["enhancer", 0, "chr1", 10], ["promoter", 0, "chr1", 10]]


def test_masks_are_no_substitutions(tmp_path: Path):
    folder = saturated(tmp_path, [(0, "enhancer", 0, 0, "A", "C", 1.0)], method="mask")
    with pytest.raises(InputFileError, match="effects of mask; the arrays are those of every single substitution"):
        contributions(folder, "enhancer")
