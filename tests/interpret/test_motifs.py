"""From planted words to motifs, their matches and their enrichment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from memelite.io import read_meme

from epidyn.errors import ConfigError, InputFileError, OutputError
from epidyn.genome import Genome, decode, encode
from epidyn.interpret.arrays import Contributions
from epidyn.interpret.effects import EffectsFolder, read_effects
from epidyn.interpret.modisco import Pattern
from epidyn.interpret.motif_report import FILES, placed, write_motifs
from epidyn.interpret.motifs import MotifReport, MotifSettings, consensus, find_motifs, information
from epidyn.simulate.motifs import load_motifs

from .planted import planted_folder

SETTINGS = MotifSettings(share=0.045, clusters=3, collections=("CORE",))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> MotifReport:
    folder = tmp_path_factory.mktemp("planted") / "explained"
    return _made(folder)


def _made(folder: Path, **options: bool) -> MotifReport:
    genome = planted_folder(folder, **options)
    return find_motifs(read_effects(folder), genome, SETTINGS)


def test_planted_words_are_found_named_and_enriched(found: MotifReport):
    table = found.motifs.table
    supported = table[table["supported"]]
    families = {each["name"]: each["members"] for each in load_motifs().families["families"]}
    assert set(supported["match"]) & set(families["AP-1"])
    assert set(supported["match"]) & set(families["NF-Y"])
    assert (supported["hits"] > 5 * supported["control_hits"]).all()
    assert not found.control_motifs.table["supported"].any()


def test_what_finds_a_motif_does_not_test_it(found: MotifReport):
    segments = found.segments
    finding, test = (segments[segments["used"] == use] for use in ("finding", "test"))
    of = [
        set(map(tuple, part[["role", "start"]].assign(start=part["start"] // 300).values))
        for part in (finding, test)
    ]
    assert not of[0] & of[1]
    assert len(of[1]) == 20
    table = found.motifs.table
    counts = test["kind"].value_counts()
    assert 10 < table["segments"].iloc[0] <= counts["important"]  # those that have a control
    assert set(table["control_segments"]) == {counts["control"]}
    assert counts["control"] > counts["important"]
    clustered = finding[(finding["kind"] == "important") & (finding["motif"] != "")]["motif"].value_counts()
    assert clustered.to_dict() == table.set_index("motif")["cluster_segments"].to_dict()
    assert (test["motif"] == "").all()


def test_nothing_is_supported_where_random_masks_matter(tmp_path: Path):
    found = _made(tmp_path / "explained", matters=False)
    assert not found.motifs.table["supported"].any()


def test_a_network_that_reads_composition_alone_has_no_supported_motif():
    """Effects that follow G+C and nothing else, on bases without motifs whose composition drifts."""
    rng = np.random.default_rng(0)
    gc = np.repeat(np.clip(0.42 + 0.1 * rng.standard_normal(4000), 0.15, 0.8), 20)
    codes = np.where(rng.random(len(gc)) < gc, rng.integers(1, 3, len(gc)), 3 * rng.integers(0, 2, len(gc)))
    genome = Genome.from_dict({"chr1": codes.astype(np.uint8)})
    smooth = np.convolve(np.isin(codes, (1, 2)), np.ones(12) / 12, "same")
    offset = np.arange(0, 595, 3)
    tables = []
    for start in range(0, len(codes) - 600, 800):
        effect = smooth[start + offset + 3] - np.median(smooth[start + offset + 3])
        effect = effect + 0.01 * rng.standard_normal(len(offset))
        table = pd.DataFrame({"pair": start // 800, "start": start + offset, "offset": offset, "effect": effect})
        tables.append(table.assign(role="enhancer", chrom="chr1", end=table["start"] + 6, probability_effect=0.0))

    class Folder(EffectsFolder):
        def effects(self, rows: int = 0) -> Iterator[pd.DataFrame]:
            yield pd.concat(tables)

    known = {"method": "mask", "width": 6, "genome": {"digest": genome.digest(), "name": genome.name}}
    found = find_motifs(Folder(Path("none"), known, pd.DataFrame()), genome, MotifSettings(clusters=6))
    assert len(found.motifs.table) >= 3
    assert not found.motifs.table["supported"].any()


def test_patterns_of_modisco_go_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With its engine played: what it is given, and what is made of its answer."""
    genome = planted_folder(tmp_path / "explained")
    _saturate(tmp_path / "explained", genome)
    given: list[int] = []

    def patterns(part: Contributions, role: str) -> list[Pattern]:
        given.append(len(part.windows))
        word = np.full((9, 4), 0.02)
        word[np.arange(9), encode("ATGACTCAT")] = 0.94
        return [Pattern(1, word, word, 33), Pattern(-1, word, word, 99)] if role == "enhancer" else []

    monkeypatch.setattr("epidyn.interpret.motifs.find_patterns", patterns)
    settings = MotifSettings(engine="modisco", share=0.05, flank=8, collections=("CORE",))
    found = find_motifs(read_effects(tmp_path / "explained"), genome, settings)
    assert sum(given) == 40  # of 60 elements a third is kept for the test
    table = found.motifs.table
    assert table[["cluster_segments", "sites"]].values.tolist() == [[33, 33]]
    assert table["supported"].tolist() == [True]
    assert found.control_motifs.table.empty
    write_motifs(found, tmp_path / "out")
    monkeypatch.setattr("epidyn.interpret.motifs.find_patterns", lambda *_: [])
    with pytest.raises(ConfigError, match="finds no pattern that raises the score"):
        find_motifs(read_effects(tmp_path / "explained"), genome, settings)


def _saturate(folder: Path, genome: Genome) -> None:
    """Turn the folder's masks into substitutions: a base's effect is the mean of the masks on it."""
    masks = pd.read_csv(folder / "effects.tsv.gz", sep="\t")
    rows = masks.loc[masks.index.repeat(3)].reset_index(drop=True)
    rows["start"] += np.tile(range(3), len(masks))
    rows["offset"] += np.tile(range(3), len(masks))
    rows["end"] = rows["start"] + 1
    rows["ref"] = [decode(genome.fetch("chr1", start, start + 1)) for start in rows["start"]]
    others = [rows.assign(alt=[letters[number] for letters in rows["ref"].map(_OTHERS)]) for number in range(3)]
    pd.concat(others).sort_values(["pair", "start"]).to_csv(folder / "effects.tsv.gz", sep="\t", index=False)
    settings = json.loads((folder / "explain.json").read_text())
    settings |= {"method": "saturation", "windows": {"enhancer": 240, "promoter": 240}}
    (folder / "explain.json").write_text(json.dumps(settings))


_OTHERS = {base: "ACGT".replace(base, "") for base in "ACGT"}


def test_clusters_are_ranked_by_segments_times_importance(found: MotifReport):
    table = found.motifs.table
    assert (table["cluster_segments"] * table["importance"]).is_monotonic_decreasing
    assert table["motif"].tolist() == [f"motif_{number:02d}" for number in range(1, len(table) + 1)]


def test_the_same_seed_gives_the_same_report(found: MotifReport, tmp_path: Path):
    again = _made(tmp_path / "explained")
    pd.testing.assert_frame_equal(again.motifs.table, found.motifs.table)
    pd.testing.assert_frame_equal(again.segments, found.segments)


def test_files_are_read_back_by_others(found: MotifReport, tmp_path: Path):
    page = write_motifs(found, tmp_path / "out")
    assert set(FILES) <= {path.name for path in page.parent.iterdir()}
    motifs = read_meme(str(page.parent / "motifs.meme"))
    assert [name.split()[0] for name in motifs] == found.motifs.table["motif"].tolist()
    for read, frequencies in zip(motifs.values(), found.motifs.frequencies, strict=True):
        np.testing.assert_allclose(read.T, frequencies, atol=1e-6)
    matches = pd.read_csv(page.parent / "matches.tsv", sep="\t")
    assert matches.groupby("motif").size().eq(10).all()
    segments = pd.read_csv(page.parent / "segments.tsv", sep="\t", keep_default_na=False)
    assert len(segments) == len(found.segments)
    said = json.loads((page.parent / "motifs.json").read_text())
    assert said["supported"] == found.motifs.table["supported"].sum()
    text = page.read_text()
    assert "{{" not in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert text.count("data:image/png;base64,") == len(motifs)
    with pytest.raises(OutputError, match="not empty"):
        write_motifs(found, tmp_path / "out")
    (tmp_path / "out" / "motif_99.png").touch()
    write_motifs(found, tmp_path / "out", force=True)
    assert not (tmp_path / "out" / "motif_99.png").exists()


def test_names_are_text_on_the_page(tmp_path: Path):
    folder = tmp_path / "explained"
    genome = planted_folder(folder)
    settings = json.loads((folder / "explain.json").read_text())
    # Half a character, which JSON may spell and no file hold, and what a terminal obeys.
    settings["pairs"]["name"] = "<script>alert(1)</script>\ud800\x1b]0;owned"
    (folder / "explain.json").write_text(json.dumps(settings))
    page = write_motifs(find_motifs(read_effects(folder), genome, SETTINGS), tmp_path / "out")
    assert "<script>" not in page.read_text(encoding="utf-8")
    assert r"&lt;/script&gt;\ud800\x1b]0;owned" in page.read_text(encoding="utf-8")


def test_columns_stand_where_they_are_aligned():
    motif = np.eye(4)[[0, 0, 1, 2, 3]]  # AACGT; the matrix CGTT begins two columns after it
    query, first = placed(motif, 4, 2, reverse=False)
    assert (query.tolist(), first) == (motif.tolist(), -2)
    # The other strand of the matrix AACG is CGTT, again two columns in: turned, ACGTT stands against AACG.
    query, first = placed(motif, 4, 2, reverse=True)
    assert (query.argmax(axis=1).tolist(), first) == ([0, 1, 2, 3, 3], 1)


def test_consensus_and_information():
    frequencies = np.array([[1.0, 0, 0, 0], [0, 0.5, 0.5, 0], [0.25] * 4])
    assert consensus(frequencies) == "ASN"
    assert information(frequencies).tolist() == [2, 1, 0]


@pytest.mark.parametrize("damaged", [{"explained": "7"}, {"pairs": ["x"]}, {"windows": 5}, {"genome": None}])
def test_a_damaged_explain_json_is_told(tmp_path: Path, damaged: dict[str, object]):
    planted_folder(tmp_path / "explained")
    settings = json.loads((tmp_path / "explained" / "explain.json").read_text())
    (tmp_path / "explained" / "explain.json").write_text(json.dumps(settings | damaged))
    with pytest.raises(InputFileError, match=r"explain\.json: \w+ is .*, which is damaged"):
        read_effects(tmp_path / "explained")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clusters": 90}, r"\d+ important segments cannot make 90 clusters"),
        ({"clusters": 0}, "--clusters is 0"),
        ({"element": "enhancers"}, "--element is 'enhancers'.*both, enhancer, promoter"),
        ({"engine": "homer"}, "--engine is 'homer'.*builtin, meme"),
        ({"flank": -1}, "--flank is -1"),
        ({"seed": -1}, "--seed is -1"),
        ({"widths": (40, 60)}, "--min-width 40 is more than .* longer --flank"),
        ({"engine": "modisco"}, None),
        ({"share": 0.0}, "share of important masks is 0"),
        ({"widths": (9, 8)}, "--min-width is 9 and --max-width 8"),
        ({"release": "JASPAR1999"}, "no release 'JASPAR1999'"),
        ({"collections": ("CORES",)}, "no collection 'CORES'"),
    ],
)
def test_refuses_settings(tmp_path: Path, given: dict[str, object], message: str | None):
    genome = planted_folder(tmp_path / "explained")
    settings: dict[str, object] = {"share": 0.045, "clusters": 3, **given}
    if message is None:
        with pytest.raises(InputFileError, match="--engine modisco needs those of saturation"):
            find_motifs(read_effects(tmp_path / "explained"), genome, MotifSettings(**settings))  # type: ignore[arg-type]
        return
    with pytest.raises(ConfigError, match=message):
        find_motifs(read_effects(tmp_path / "explained"), genome, MotifSettings(**settings))  # type: ignore[arg-type]


def test_refuses_clusters_too_small_for_motifs(tmp_path: Path):
    genome = planted_folder(tmp_path / "explained", elements=6)
    with pytest.raises(ConfigError, match=r"none of the 4 clusters of \d+ segments has 5"):
        find_motifs(read_effects(tmp_path / "explained"), genome, MotifSettings(share=0.045, clusters=4))


def test_refuses_one_element_and_another_genome(tmp_path: Path):
    genome = planted_folder(tmp_path / "explained", elements=1)
    folder = read_effects(tmp_path / "explained")
    with pytest.raises(InputFileError, match="lie in one element"):
        find_motifs(folder, genome, SETTINGS)
    with pytest.raises(InputFileError, match=r"explained on another genome than .*genome\.fa"):
        find_motifs(folder, Genome.from_dict({"chr1": "ACGT" * 75}), SETTINGS)
