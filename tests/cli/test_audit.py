from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import write_pairs
from epidyn.audit import FILES
from epidyn.scores import with_scores
from tests.audit.tables import propensity
from tests.cli.conftest import BAD_TABLES, Run, listing, refused, write


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    write_pairs(propensity(1), tmp_path / "pairs.csv")
    return tmp_path / "pairs.csv"


def write_scores(path: Path, table: pd.DataFrame) -> Path:
    values = np.random.default_rng(1).random(len(table))
    write_pairs(with_scores(table, values, values), path)
    return path


def test_prints_baselines_and_verdict_and_writes_nothing(epidyn: Run, pairs: Path, work: Path):
    result = epidyn("audit", pairs)
    assert result.code == 0
    assert "480 pairs, 160 positive (prevalence 0.3333), 4 chromosomes" in result.out
    assert "random split, mean (sd) of 5" in result.out
    lines = {line[:19].strip(): line[19:].split() for line in result.out.splitlines()}
    assert float(lines["identity"][0]) > 0.95
    assert lines["identity"][4:6] == ["0.500", "(0.500-0.500)"]
    assert lines["chance"] == ["0.500", "0.333", "0.500", "0.333"]
    assert "base composition" not in lines
    assert "This table leaks under a random split" in result.out
    assert list(work.iterdir()) == []


def test_writes_a_folder_with_model_and_genome(epidyn: Run, pairs: Path, work: Path):
    scores = write_scores(pairs.parent / "scores.tsv", propensity(1).iloc[::5])
    argv = (
        "audit",
        pairs,
        "--genome",
        "random:hg19",
        "--scores",
        scores,
        "--out",
        work / "new",
        "--splits",
        3,
        "--seed",
        4,
    )
    result = epidyn(*argv)
    assert result.code == 0
    assert sorted(path.name for path in (work / "new").iterdir()) == sorted(FILES)
    written = json.loads((work / "new" / "audit.json").read_text())
    assert written["settings"]["source"] == str(pairs)
    assert written["settings"]["genome"] == "random:hg19"
    assert (written["settings"]["splits"], written["settings"]["seed"]) == (3, 4)
    assert [each["name"] for each in written["baselines"]][-1] == "base composition"
    assert written["model"]["pairs"] == 96
    assert f"on the 96 pairs of {scores}" in result.out
    assert f"page: {work / 'new' / 'audit.html'}" in result.out
    before = listing(work)
    refused(epidyn(*argv), "not empty", "--force")
    assert listing(work) == before
    assert epidyn(*argv, "--force").code == 0
    assert listing(work) == before


def test_one_chromosome(epidyn: Run, tmp_path: Path):
    write_pairs(propensity(2, chromosomes=1), tmp_path / "one.csv")
    result = epidyn("audit", tmp_path / "one.csv")
    assert result.code == 0
    assert "no chromosome can be held out" in result.out
    header, chance = (
        next(line for line in result.out.splitlines() if word in line) for word in ("AUPR ", "chance ")
    )
    columns = [header.index("AUROC", 40), header.rindex("AUPR")]
    for line in result.out.splitlines():
        if line.startswith(("identity", "neighbours", "length")):
            assert [line[column:].split()[0] for column in columns] == ["-", "-"]
            assert line[: columns[1] + 1].endswith(" -")
    assert [chance[column : column + 5] for column in columns] == ["0.500", "0.333"]


@pytest.mark.parametrize(("content", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_refuses_a_bad_table(
    epidyn: Run, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]
):
    path = write(tmp_path / "bad" / "pairs.csv", content)
    refused(epidyn("audit", path, "--out", work / "new"), str(path), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="label"), ("no column 'label'", "labelled table")),
        (lambda table: table.assign(label=1), ("480 pairs with label 1 and 0 with label 0", "10 of each")),
    ],
    ids=["no labels", "one label"],
)
def test_refuses_labels_that_do_not_suffice(epidyn: Run, pairs: Path, work: Path, change, words: tuple[str, ...]):
    write_pairs(change(propensity(1)), pairs)
    refused(epidyn("audit", pairs, "--out", work / "new"), str(pairs), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (
            propensity(3).iloc[:30],
            ("30 of 30 scored pairs are not in the audited table", "row 0: enhancer chr1:", "and 10 more"),
        ),
        (propensity(1), ("holds every pair", "scores of a test part")),
        (propensity(1).iloc[:40].drop(columns="label"), ("'label'",)),
    ],
    ids=["another table", "all pairs", "no labels"],
)
def test_refuses_scores_that_do_not_match(
    epidyn: Run, pairs: Path, work: Path, scores: pd.DataFrame, words: tuple[str, ...]
):
    path = write_scores(pairs.parent / "scores.tsv", scores)
    refused(epidyn("audit", pairs, "--scores", path, "--out", work / "new"), str(path), *words)
    assert list(work.iterdir()) == []


def test_refuses_a_genome_without_the_chromosomes(epidyn: Run, pairs: Path, work: Path):
    (work / "genome.fa").write_text(">chrA\nACGT\n")
    refused(epidyn("audit", pairs, "--genome", work / "genome.fa"), "chr1", "chrA")


def test_refuses_one_split(epidyn: Run, pairs: Path):
    refused(epidyn("audit", pairs, "--splits", 1), "splits is 1", "2 or more")


def test_runs_controls(epidyn: Run, simulated: Path, work: Path):
    from tests.nn.toys import SMALL

    config = work / "c.toml"
    config.write_text(
        "\n".join(["[training]", "epochs = 1", "[network]", *(f"{key} = {value}" for key, value in SMALL.items())])
    )
    asked = ("--genome", simulated / "genome.fa", "--out", work / "new", "--controls", "shuffle-labels")
    result = epidyn("audit", simulated / "pairs.csv", *asked, "--config", config)
    assert result.code == 0, result.err
    assert "Control shuffle-labels" in result.out
    assert (work / "new" / "controls" / "shuffle-labels" / "model.safetensors").is_file()
    again = epidyn("audit", simulated / "pairs.csv", *asked, "--config", config)
    assert (again.code, again.out) == (0, result.out)


def test_controls_pool_the_lines_of_a_table(epidyn: Run, simulated: Path, work: Path, tmp_path: Path):
    from tests.nn.toys import SMALL

    table = pd.read_csv(simulated / "pairs.csv")
    table.assign(cell_line=["A", "B"] * (len(table) // 2)).to_csv(tmp_path / "p.csv", index=False)
    config = tmp_path / "c.toml"
    settings = "\n".join(f"{key} = {value}" for key, value in SMALL.items())
    config.write_text(f"[split]\ntest_fraction = 0.2\n[training]\nmax_steps = 1\n[network]\n{settings}\n")
    asked = ("--genome", simulated / "genome.fa", "--out", work / "new", "--controls", "shuffle-labels")
    result = epidyn("audit", tmp_path / "p.csv", *asked, "--config", config)
    assert result.code == 0, result.err
    report = json.loads((work / "new" / "controls" / "shuffle-labels" / "metrics.json").read_text())
    assert (report["data"]["regime"], list(report["lines"])) == ("general", ["A", "B"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--split", "loco"), ("4 folds; choose one with --fold: chr1, chr2, chr3, chr4",)),
        (("--split", "loco", "--fold", "chr9"), ("--fold 'chr9' is unknown",)),
        (("--split", "chromosome:chr9"), ("chr9", "It has chr1")),
        (("--split", "chromosme"), ("--split 'chromosme' is unknown",)),
        (
            ("--split", "loco", "--fold", "chr2"),
            ("fold chr2 has 30 pairs, all with label 0", "another --split or --fold"),
        ),
    ],
)
def test_the_split_of_controls_is_checked_before_anything_is_done(
    epidyn: Run, simulated: Path, work: Path, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
):
    table = pd.read_csv(simulated / "pairs.csv")
    table.loc[table["promoter_chrom"] == "chr2", "label"] = 0
    table.to_csv(tmp_path / "p.csv", index=False)
    asked = ("--genome", simulated / "genome.fa", "--controls", "shuffle-labels", "--out", work / "new")
    refused(epidyn("audit", tmp_path / "p.csv", *asked, *options), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("option", ["--split", "--fold", "--config"])
def test_settings_of_controls_without_controls_are_refused(epidyn: Run, pairs: Path, option: str):
    refused(epidyn("audit", pairs, option, "x"), f"{option} is of the controls' training", "--controls")


def test_controls_need_a_genome_and_a_folder(epidyn: Run, pairs: Path, work: Path):
    refused(epidyn("audit", pairs, "--controls", "shuffle-labels"), "--genome", "--out")
    refused(epidyn("audit", pairs, "--controls", "none"), "--controls none: unknown", "random-genome")
    assert list(work.iterdir()) == []


def test_controls_replace_nothing_of_the_users(epidyn: Run, simulated: Path, work: Path):
    (work / "mine" / "controls" / "x").mkdir(parents=True)
    (work / "mine" / "audit.json").write_text("mine")
    asked = ("--genome", simulated / "genome.fa", "--controls", "shuffle-labels", "--out", work / "mine")
    refused(epidyn("audit", simulated / "pairs.csv", *asked), "is not empty", "--force")
    assert (work / "mine" / "audit.json").read_text() == "mine"
