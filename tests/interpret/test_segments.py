"""Segments by the rule, worked out by hand on one element, and their controls."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn.errors import ConfigError, InputFileError
from epidyn.genome import Genome
from epidyn.interpret.effects import EffectsFolder, read_effects
from epidyn.interpret.segments import find_segments, mean_effects

COLUMNS = ["pair", "role", "chrom", "start", "end", "offset", "effect", "probability_effect"]
BASES = np.random.default_rng(5).integers(0, 4, 6000).astype(np.uint8)
GENOME = Genome.from_dict({"chr1": BASES})


def folder(path: Path, rows: list[tuple[object, ...]], method: str = "mask") -> EffectsFolder:
    """A folder as `epidyn explain` writes it; rows are pair, role, chrom, window, offset, effect of masks of 6."""
    effects = [(p, r, c, w + o, w + o + 6, o, e, 0.0) for p, r, c, w, o, e in rows]
    pairs = pd.DataFrame({"pair": sorted({row[0] for row in rows})}).assign(logit=3.0, probability=0.95)
    pairs.to_csv(path / "pairs.tsv", sep="\t", index=False)
    with gzip.open(path / "effects.tsv.gz", "wt") as handle:
        pd.DataFrame(effects, columns=COLUMNS).to_csv(handle, sep="\t", index=False)
    (path / "explain.json").write_text(json.dumps({"format": 1, "method": method}))
    return read_effects(path)


def element(
    effects: dict[int, float], *, pair: int = 0, role: str = "enhancer", window: int = 1000, count: int = 100
):
    """Masks of 6 at every third base; effects by offset, small alternating ones elsewhere."""
    return [
        (pair, role, "chr1", window, offset, effects.get(offset, 0.01 * (-1) ** place))
        for place, offset in enumerate(range(0, 3 * count, 3))
    ]


def test_overlapping_important_masks_merge(tmp_path: Path):
    found = find_segments(folder(tmp_path, element({30: 2.0, 33: 1.0, 60: 4.0})), GENOME, share=0.03)
    assert found.important[["role", "chrom", "start", "end", "window", "importance"]].values.tolist() == [
        ["enhancer", "chr1", 1030, 1039, 1000, 1.5],
        ["enhancer", "chr1", 1060, 1066, 1000, 4.0],
    ]
    assert (found.threshold, found.masks) == (1.0, 100)


def test_masks_of_two_elements_do_not_merge(tmp_path: Path):
    rows = element({297: 5.0}) + element({0: 5.0}, role="promoter", window=1303)
    found = find_segments(folder(tmp_path, rows), GENOME, share=0.01)
    assert found.important["role"].tolist() == ["enhancer", "promoter"]
    assert found.important["start"].tolist() == [1297, 1303]


def test_an_element_of_several_pairs_is_counted_once_by_its_mean(tmp_path: Path):
    rows = element({30: 3.0, 60: 9.0}, pair=0) + element({30: 3.0, 60: -9.0}, pair=1)
    opened = folder(tmp_path, rows)
    means = mean_effects(opened)
    assert len(means) == 100
    assert means.set_index("start").loc[[1030, 1060], "effect"].tolist() == [3.0, 0.0]
    assert find_segments(opened, GENOME, share=0.01).important["start"].tolist() == [1030]


def test_only_what_lowers_the_score_is_important(tmp_path: Path):
    rows = [(0, "enhancer", "chr1", 1000, offset, -1.0) for offset in range(0, 60, 3)]
    with pytest.raises(InputFileError, match=r"no mask .* lowers the score"):
        find_segments(folder(tmp_path, rows), GENOME, share=0.2)


def test_controls_have_the_same_length_and_element_and_matter_little(tmp_path: Path):
    rng = np.random.default_rng(0)
    effects = {
        offset: float(each) for offset, each in zip(range(0, 900, 3), rng.normal(0, 0.05, 300), strict=True)
    }
    effects |= {30: 2.0, 33: 2.0, 150: 3.0}
    found = find_segments(folder(tmp_path, element(effects, count=300)), GENOME, share=0.01, seed=1)
    important, controls = found.important, found.controls
    assert controls.groupby("segment").size().between(1, 5).all()
    assert set(controls["segment"]) == set(important.index)
    assert controls.groupby("segment")["draw"].apply(list).map(lambda draws: draws == sorted(set(draws))).all()
    of = important.loc[controls["segment"]].reset_index(drop=True)
    assert ((controls["end"] - controls["start"]) == (of["end"] - of["start"])).all()
    assert (controls["window"] == of["window"]).all()
    for control in controls.itertuples():
        for segment in [*important.itertuples(), *(each for each in controls.itertuples() if each != control)]:
            assert control.end <= segment.start or control.start >= segment.end
    assert important["importance"].min() >= 2
    assert controls["importance"].abs().max() <= np.median(np.abs(list(effects.values())))
    again = find_segments(read_effects(tmp_path), GENOME, share=0.01, seed=1)
    pd.testing.assert_frame_equal(again.controls, controls)
    assert not find_segments(read_effects(tmp_path), GENOME, share=0.01, seed=2).controls.equals(controls)


def test_an_element_without_room_has_no_control(tmp_path: Path):
    found = find_segments(folder(tmp_path, element({0: 1.0, 3: 1.0, 6: 1.0}, count=4)), GENOME, share=0.7)
    assert found.important[["start", "end"]].values.tolist() == [[1000, 1012]]
    assert found.controls.empty


def test_controls_are_as_rich_in_gc_with_and_without_flanks(tmp_path: Path):
    codes = BASES.copy()
    codes[1600:1700] = np.tile([1, 2], 50)  # a rich stretch that matters little
    codes[1800:1812] = 2  # another, but with poor flanks
    codes[[*range(1790, 1800), *range(1812, 1822)]] = 0
    codes[1025:1047] = 2
    genome = Genome.from_dict({"chr1": codes})
    rows = element({30: 2.0, 33: 2.0, 36: 2.0}, count=300)
    for seed in range(4):
        found = find_segments(folder(tmp_path, rows), genome, share=0.01, seed=seed)
        assert found.important[["start", "end"]].values.tolist() == [[1030, 1042]]
        assert len(found.controls) == 5
        for start in found.controls["start"]:
            assert np.isin(codes[start : start + 12], (1, 2)).all()
            assert np.isin(codes[start - 5 : start + 17], (1, 2)).mean() >= 0.95


def test_a_segment_whose_like_is_nowhere_has_no_control(tmp_path: Path):
    codes = BASES.copy()
    codes[1000:1303] = 0
    codes[1030:1042] = 2
    found = find_segments(
        folder(tmp_path, element({30: 2.0, 33: 2.0, 36: 2.0})), Genome.from_dict({"chr1": codes}), share=0.03
    )
    assert len(found.important) == 1
    assert found.controls.empty


def test_a_mask_that_sticks_out_belongs_to_its_window(tmp_path: Path):
    rows = [(0, "enhancer", "chr1", -4, 3 * n, 2.0 if n < 2 else 0.01 * (-1) ** n) for n in range(100)]
    path = folder(tmp_path, rows).path
    effects = pd.read_csv(path / "effects.tsv.gz", sep="\t")
    effects["start"] = effects["start"].clip(lower=0)
    effects.to_csv(path / "effects.tsv.gz", sep="\t", index=False)
    (path / "explain.json").write_text(json.dumps({"format": 1, "method": "mask", "width": 6}))
    assert mean_effects(read_effects(path))["window"].unique().tolist() == [-4]
    assert find_segments(read_effects(path), GENOME, share=0.02).important[["start", "end"]].values.tolist() == [
        [0, 5]
    ]


def test_bases_that_lie_in_two_windows_are_one_segment(tmp_path: Path):
    rows = element({30: 2.0}) + element({0: 5.0}, pair=1, window=1030) + element({129: 1.5}, pair=2, window=900)
    found = find_segments(folder(tmp_path, rows), GENOME, share=0.01)
    assert found.important[["window", "start", "end", "importance"]].values.tolist() == [[1030, 1030, 1036, 5.0]]


def test_controls_avoid_what_is_important_in_another_window(tmp_path: Path):
    strong = dict.fromkeys(range(0, 120, 3), 3.0)
    rows = element(strong, count=60) + element({0: 4.0}, pair=1, window=1060, count=60)
    for seed in range(5):
        found = find_segments(folder(tmp_path, rows), GENOME, share=0.34, seed=seed)
        assert found.important[["start", "end"]].values.tolist() == [[1060, 1066]]
        assert (found.controls["start"].dropna() >= 1123).all()


def test_one_role_alone(tmp_path: Path):
    rows = element({30: 2.0}) + element({60: 9.0}, role="promoter", window=3000)
    found = find_segments(folder(tmp_path, rows), GENOME, role="enhancer", share=0.01)
    assert (found.masks, found.important["start"].tolist()) == (100, [1030])
    with pytest.raises(InputFileError, match="no effects of promoter"):
        find_segments(folder(tmp_path, element({30: 2.0})), GENOME, role="promoter")


def test_background_is_that_of_the_windows(tmp_path: Path):
    codes = np.full(6000, 2, dtype=np.uint8)
    codes[1000:1303] = np.where(np.arange(303) % 3, 0, 1)  # the window: 1 C to 2 A
    found = find_segments(folder(tmp_path, element({30: 2.0})), Genome.from_dict({"chr1": codes}), share=0.01)
    assert found.background == pytest.approx([1 / 3, 1 / 6, 1 / 6, 1 / 3], abs=1e-9)


def test_refuses(tmp_path: Path):
    opened = folder(tmp_path, element({30: 1.0}))
    with pytest.raises(ConfigError, match="share of important masks is 1"):
        find_segments(opened, GENOME, share=1)
    with pytest.raises(InputFileError, match="effects of gradient; motifs need those of masking"):
        find_segments(folder(tmp_path, element({30: 1.0}), "gradient"), GENOME)
