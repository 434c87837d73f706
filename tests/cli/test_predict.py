from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, Model, read_pairs
from tests.cli.conftest import (
    BAD_TABLES,
    FOREIGN_TABLES,
    GENOMES_AT_FAULT,
    Inputs,
    Run,
    listing,
    refused,
    write,
)


def options(inputs: Inputs, **changes: object) -> list[object]:
    given = {"model": inputs.model, "pairs": inputs.pairs, "genome": inputs.genome, **changes}
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]


def test_writes_scores_of_every_row(epidyn: Run, inputs: Inputs, work: Path):
    result = epidyn("predict", *options(inputs, out=work / "scores.tsv", batch_size=7))
    assert (result.code, result.out) == (0, "")
    assert "60 pairs, 30 positive" in result.err
    scored = pd.read_csv(work / "scores.tsv", sep="\t")
    with Genome.open(inputs.genome) as genome:
        expected = Model.load(inputs.model).predict(read_pairs(inputs.pairs), genome)
    np.testing.assert_allclose(scored["probability"], expected, atol=1e-6)
    beside = json.loads((work / "scores.tsv.json").read_text())
    assert (beside["rows"], beside["encoded"], beside["encoded_again"]) == (60, 120, 0)
    assert "encoded 120 elements, 0 of them again\n" in result.err


def test_options_reach_the_library(epidyn: Run, inputs: Inputs, work: Path):
    changes = {"out": work / "scores.tsv", "prevalence": 0.05, "device": "cpu"}
    result = epidyn("predict", *options(inputs, **changes), "--rc-average")
    assert result.code == 0
    scored = pd.read_csv(work / "scores.tsv", sep="\t")
    with Genome.open(inputs.genome) as genome:
        model, pairs = Model.load(inputs.model), read_pairs(inputs.pairs)
        expected = model.predict(pairs, genome, rc_average=True, prevalence=0.05)
    np.testing.assert_allclose(scored["probability"], expected, atol=1e-6)


def test_megabytes_for_stems_reach_the_library(
    epidyn: Run, inputs: Inputs, work: Path, monkeypatch: pytest.MonkeyPatch
):
    given = []
    monkeypatch.setattr("epidyn.predict.predict_table", lambda *paths, **settings: given.append(settings))
    for more in ((), ("--stem-memory", 3)):
        assert epidyn("predict", *options(inputs), *more).code == 0
    assert [settings["stem_memory"] for settings in given] == [2**30, 3 * 2**20]


def test_without_out_the_table_is_all_of_standard_output(epidyn: Run, inputs: Inputs, work: Path):
    epidyn("predict", *options(inputs, out=work / "scores.tsv"))
    result = epidyn("predict", *options(inputs))
    assert result.code == 0
    assert result.out == (work / "scores.tsv").read_text()


@pytest.mark.parametrize("name", ["scores.bedpe", "scores.parquet"])
def test_the_name_settles_the_format_and_other_commands_read_it(
    epidyn: Run, inputs: Inputs, work: Path, name: str
):
    assert epidyn("predict", *options(inputs, out=work / name)).code == 0
    epidyn("predict", *options(inputs, out=work / "scores.tsv"))
    ours, plain = (epidyn("evaluate", "--scores", work / each) for each in (name, "scores.tsv"))
    assert ours.code == 0
    assert ours.out.replace(name, "scores.tsv") == plain.out
    assert f"{'BEDPE' if name.endswith('bedpe') else 'Parquet'}, " in ours.err


def test_scores_for_a_browser_begin_with_their_track(epidyn: Run, inputs: Inputs, work: Path):
    assert epidyn("predict", *options(inputs, out=work / "scores.interact")).code == 0
    lines = (work / "scores.interact").read_text().splitlines()
    assert lines[0].startswith('track type=interact name="scores.interact"')
    assert len(lines) == 2 + 60
    refused(epidyn("predict", *options(inputs, out=work / "none" / "s.longrange")), "no folder")


def test_a_random_genome_needs_no_file(epidyn: Run, inputs: Inputs):
    result = epidyn("predict", *options(inputs, genome="random:hg19:3"))
    assert result.code == 0
    assert len(result.out.splitlines()) == 61


@pytest.mark.parametrize(("content", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_refuses_a_bad_table(
    epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]
):
    pairs = write(tmp_path / "bad" / "pairs.csv", content)
    result = epidyn("predict", *options(inputs, pairs=pairs, out=work / "scores.tsv"))
    refused(result, str(pairs), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(("content", "words"), FOREIGN_TABLES.values(), ids=FOREIGN_TABLES)
def test_refuses_a_table_of_another_genome(
    epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path, content: bytes, words: tuple[str, ...]
):
    pairs = write(tmp_path / "bad" / "pairs.csv", content)
    result = epidyn("predict", *options(inputs, pairs=pairs, out=work / "scores.tsv"))
    refused(result, "genome.fa", *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(("content", "words"), GENOMES_AT_FAULT.values(), ids=GENOMES_AT_FAULT)
def test_refuses_a_bad_genome(
    epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path, content: bytes | None, words: tuple[str, ...]
):
    genome = write(tmp_path / "bad" / "genome.fa", content)
    before = listing(genome.parent)
    result = epidyn("predict", *options(inputs, genome=genome, out=work / "scores.tsv"))
    refused(result, "genome.fa", *words)
    assert list(work.iterdir()) == []
    assert listing(genome.parent) == before


def test_refuses_a_truncated_bgzip_genome(epidyn: Run, inputs: Inputs, work: Path, bgzip_without_end: Path):
    result = epidyn("predict", *options(inputs, genome=bgzip_without_end, out=work / "scores.tsv"))
    refused(result, str(bgzip_without_end), "truncated bgzip")
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("does not exist",)),
        (b"", ("is empty",)),
        (b"PK\x03\x04" * 40, ("no safetensors", "epidyn import")),
        ("half", ("truncated", "Copy it again")),
    ],
    ids=["missing", "empty", "of another kind", "truncated"],
)
def test_refuses_a_bad_model(
    epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path, content: bytes | str | None, words: tuple[str, ...]
):
    whole = inputs.model.read_bytes()
    bad = whole[: len(whole) // 2] if isinstance(content, str) else content
    model = write(tmp_path / "bad" / "m.safetensors", bad)
    result = epidyn("predict", *options(inputs, model=model, out=work / "scores.tsv"))
    refused(result, str(model), *words)
    assert list(work.iterdir()) == []


def test_refuses_a_model_of_a_later_format(epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path):
    content = inputs.model.read_bytes()
    assert content.count(b'"format":"1"') == 1
    model = write(tmp_path / "bad" / "m.safetensors", content.replace(b'"format":"1"', b'"format":"7"'))
    result = epidyn("predict", *options(inputs, model=model, out=work / "scores.tsv"))
    refused(result, str(model), "its format is 7", "Install a newer one")
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 0}, ("--batch-size is 0", "1 or more")),
        ({"batch_size": -5}, ("--batch-size is -5",)),
        ({"stem_memory": 0}, ("--stem-memory is 0 megabytes", "1 or more")),
        ({"stem_memory": -7}, ("--stem-memory is -7 megabytes", "1 or more")),
        ({"prevalence": 0}, ("--prevalence is 0", "between 0 and 1")),
        ({"prevalence": 1.5}, ("--prevalence is 1.5",)),
        ({"prevalence": "nan"}, ("--prevalence is nan",)),
        ({"device": "abacus"}, ("--device abacus", "Use cpu")),
        ({"device": "meta"}, ("--device meta",)),
        ({"device": "cuda:99"}, ("--device cuda:99",)),
        ({"genome": "random:hg99"}, ("hg99", "hg19")),
    ],
)
def test_refuses_settings_out_of_range(
    epidyn: Run, inputs: Inputs, work: Path, changes: dict[str, object], words: tuple[str, ...]
):
    refused(epidyn("predict", *options(inputs, out=work / "scores.tsv", **changes)), *words)
    assert list(work.iterdir()) == []


def test_an_output_is_replaced_only_by_force(epidyn: Run, inputs: Inputs, work: Path):
    (work / "scores.tsv").write_text("mine\n")
    refused(epidyn("predict", *options(inputs, out=work / "scores.tsv")), "scores.tsv exists", "--force")
    assert listing(work) == {"scores.tsv": b"mine\n"}
    assert epidyn("predict", *options(inputs, out=work / "scores.tsv"), "--force").code == 0
    assert len((work / "scores.tsv").read_text().splitlines()) == 61


@pytest.mark.parametrize(("place", "words"), [("none/scores.tsv", "no folder"), (".", "is a folder")])
def test_refuses_an_output_that_cannot_be(epidyn: Run, inputs: Inputs, work: Path, place: str, words: str):
    refused(epidyn("predict", *options(inputs, out=work / place)), words)
    assert list(work.iterdir()) == []


def test_a_folder_is_no_output_by_force_either(epidyn: Run, inputs: Inputs, work: Path):
    refused(epidyn("predict", *options(inputs, out=work), "--force"), "is a folder")
    assert list(work.iterdir()) == []
