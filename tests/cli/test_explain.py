from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, Model, read_pairs
from epidyn.controls import SequenceShuffle
from epidyn.interpret.effects import EFFECTS, PAIRS, SETTINGS, read_effects
from tests.cli.conftest import (
    BAD_TABLES,
    FOREIGN_TABLES,
    GENOMES_AT_FAULT,
    HEADER,
    Inputs,
    Run,
    listing,
    refused,
    write,
)

PICTURES = ("mean_effect_enhancer.png", "mean_effect_promoter.png")
FILES = (EFFECTS, PAIRS, SETTINGS, "enhancer.bedGraph", "promoter.bedGraph", *PICTURES)


def options(inputs: Inputs, out: Path, **changes: object) -> list[object]:
    given = {
        "model": inputs.model,
        "pairs": inputs.pairs,
        "genome": inputs.genome,
        "top": 3,
        "out": out,
        **changes,
    }
    return [
        word
        for name, value in given.items()
        if value is not None
        for word in (f"--{name.replace('_', '-')}", value)
    ]


def explained(epidyn: Run, inputs: Inputs, out: Path, **changes: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    result = epidyn("explain", *options(inputs, out, **changes))
    assert (result.code, result.out) == (0, ""), result.err
    folder = read_effects(out)
    return folder.pairs, pd.concat(folder.effects())


def masked_genome(genome: Genome, row: pd.Series) -> Genome:
    """The genome with the bases of one row of the effects changed."""
    sequences = {chrom: genome.fetch(chrom, 0, size).copy() for chrom, size in genome.sizes.items()}
    sequences[row["chrom"]][row["start"] : row["end"]] = 4
    if "alt" in row:
        sequences[row["chrom"]][row["start"]] = "ACGT".index(row["alt"])
    return Genome.from_dict(sequences)


def apart(folder: Path) -> Path:
    """Pairs whose windows share no base; the first and last stick out of their chromosome."""
    places = [("chr1", 3, 500), ("chr2", 200, 400), ("chr3", 420, 100), ("chr1", 880, 300)]
    lines = [HEADER]
    for chrom, enhancer, promoter in places:
        lines.append(f"{chrom},{enhancer},{enhancer + 20},{chrom},{promoter},{promoter + 30},1")
    return write(folder / "pairs.csv", ("\n".join(lines) + "\n").encode())


@pytest.mark.parametrize("method", ["mask", "saturation"])
def test_effects_are_what_predict_says_of_a_changed_genome(epidyn: Run, inputs: Inputs, work: Path, method: str):
    _, effects = explained(epidyn, inputs, work / "out", method=method, pairs=apart(work / "in"), top=4)
    model, table = Model.load(inputs.model), read_pairs(work / "in" / "pairs.csv")
    assert (effects["start"] == 0).any()
    assert (effects["end"] == 907).any()
    with Genome.open(inputs.genome) as genome:
        for _, row in effects.iloc[:: max(1, len(effects) // 60)].iterrows():
            pair = table.iloc[[row["pair"]]]
            changed = masked_genome(genome, row)
            before, after = (model.predict_logits(pair, each)[0] for each in (genome, changed))
            assert row["effect"] == pytest.approx(before - after, abs=1e-5)
            before, after = (model.predict(pair, each)[0] for each in (genome, changed))
            assert row["probability_effect"] == pytest.approx(before - after, abs=1e-5)
            if method == "saturation":
                assert genome.fetch(row["chrom"], row["start"], row["end"]) == "ACGT".index(row["ref"])
    assert effects["effect"].abs().max() > 1e-4


def test_explains_the_highest_pairs_in_row_order(epidyn: Run, inputs: Inputs, work: Path):
    pairs, effects = explained(epidyn, inputs, work / "out", top=5)
    with Genome.open(inputs.genome) as genome:
        table = read_pairs(inputs.pairs)
        logits = Model.load(inputs.model).predict_logits(table, genome)
    assert pairs["pair"].tolist() == sorted(np.argsort(-logits)[:5].tolist())
    np.testing.assert_allclose(pairs["logit"], logits[pairs["pair"]], rtol=1e-5)
    assert pairs["enhancer_start"].astype(int).tolist() == table["enhancer_start"][pairs["pair"]].tolist()
    assert effects["pair"].unique().tolist() == pairs["pair"].tolist()
    assert effects["role"].unique().tolist() == ["enhancer", "promoter"]


def test_min_probability_and_label_choose(epidyn: Run, inputs: Inputs, work: Path):
    with Genome.open(inputs.genome) as genome:
        table = read_pairs(inputs.pairs)
        probability = Model.load(inputs.model).predict(table, genome)
    least = float(np.quantile(probability, 0.7))
    expected = np.flatnonzero((probability >= least) & (table["label"] == 1)).tolist()
    assert 0 < len(expected) < (probability >= least).sum()
    pairs, _ = explained(epidyn, inputs, work / "out", top=None, min_probability=least, label=1)
    assert pairs["pair"].tolist() == expected


def test_width_step_and_element(epidyn: Run, inputs: Inputs, work: Path):
    _, effects = explained(epidyn, inputs, work / "out", top=1, width=4, step=2, element="promoter")
    assert set(effects["role"]) == {"promoter"}
    assert sorted(path.name for path in (work / "out").iterdir()) == sorted([*FILES[:3], FILES[4], PICTURES[1]])
    inner = effects[1:-2]
    assert set(inner["offset"].diff().dropna()) == {2}
    assert set(inner["end"] - inner["start"]) == {4}


def test_shuffled_masks_keep_dinucleotides_and_are_averaged(epidyn: Run, inputs: Inputs, work: Path):
    pairs = apart(work / "in")
    _, one = explained(epidyn, inputs, work / "one", pairs=pairs, top=2, replace="shuffle", shuffles=1, seed=6)
    _, two = explained(epidyn, inputs, work / "two", pairs=pairs, top=2, replace="shuffle", shuffles=2, seed=3)
    model, table = Model.load(inputs.model), read_pairs(pairs)
    lengths = model.scorer.lengths
    with Genome.open(inputs.genome) as genome:
        for _, row in two.iloc[::9].iterrows():
            changed = []
            for number in (6, 7):  # seeds of the two shuffles; the first is that of the other call
                start = row["start"] - row["offset"]
                window = genome.fetch(row["chrom"], start, start + lengths[row["role"]])
                SequenceShuffle(number)(window, np.array([0]), np.array([len(window)]))
                sequences = {chrom: genome.fetch(chrom, 0, size).copy() for chrom, size in genome.sizes.items()}
                inside = slice(row["offset"], row["offset"] + row["end"] - row["start"])
                sequences[row["chrom"]][row["start"] : row["end"]] = window[inside]
                changed.append(model.predict_logits(table.iloc[[row["pair"]]], Genome.from_dict(sequences))[0])
            plain = model.predict_logits(table.iloc[[row["pair"]]], genome)[0]
            assert row["effect"] == pytest.approx(plain - np.mean(changed), abs=1e-5)
            assert one.loc[row.name, "effect"] == pytest.approx(plain - changed[0], abs=1e-5)
    assert two["effect"].abs().max() > 1e-4


def test_saturation_writes_arrays(epidyn: Run, inputs: Inputs, work: Path):
    _, effects = explained(epidyn, inputs, work / "out", method="saturation", top=2, element="promoter")
    onehot = np.load(work / "out" / "promoter_onehot.npz")["arr_0"]
    hypothetical = np.load(work / "out" / "promoter_hypothetical.npz")["arr_0"]
    assert onehot.shape == hypothetical.shape == (2, 4, 61)
    assert not (work / "out" / "enhancer_onehot.npz").exists()
    at = effects.iloc[30]
    row = effects["pair"].unique().tolist().index(at["pair"])
    difference = (
        hypothetical[row, "ACGT".index(at["ref"]), at["offset"]]
        - hypothetical[row, "ACGT".index(at["alt"]), at["offset"]]
    )
    assert difference == pytest.approx(at["effect"], abs=1e-6)


@pytest.mark.parametrize("method", ["gradient", "integrated"])
def test_gradients_estimate_the_masks(epidyn: Run, inputs: Inputs, work: Path, method: str):
    _, exact = explained(epidyn, inputs, work / "exact", top=2)
    _, quick = explained(epidyn, inputs, work / "quick", top=2, method=method)
    places = ["pair", "role", "chrom", "start", "end", "offset"]
    pd.testing.assert_frame_equal(quick[places], exact[places])
    assert not np.allclose(quick["effect"], exact["effect"], atol=1e-7)
    assert exact["effect"].corr(quick["effect"], method="spearman") > 0.2


def test_no_pair_above_the_threshold(epidyn: Run, inputs: Inputs, work: Path):
    result = epidyn("explain", *options(inputs, work / "out", top=None, min_probability=1))
    with Genome.open(inputs.genome) as genome:
        highest = Model.load(inputs.model).predict(read_pairs(inputs.pairs), genome).max()
    refused(result, "60 pairs", f"{highest:.4g}", "--min-probability", "--top")
    assert list(work.iterdir()) == []


KILLED = """
import os, signal, sys
from epidyn.cli import main
from epidyn.interpret import explain

write = explain._Parts.write

def kill_at_the_second(self, number, effects, *, header):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, number, effects, header=header)

explain._Parts.write = kill_at_the_second
main(sys.argv[1:])
"""


def test_killed_and_called_again_gives_the_same_bytes(epidyn: Run, inputs: Inputs, work: Path):
    explained(epidyn, inputs, work / "whole", top=10)
    call = ["explain", *map(str, options(inputs, work / "out", top=10))]
    killed = subprocess.run([sys.executable, "-c", KILLED, *call], env=os.environ, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert not (work / "out").exists()
    assert [path.name for path in sorted((work / "out.partial").glob("[!.]*"))] == ["000000.tsv.gz", SETTINGS]
    refused(epidyn("explain", *call[1:], "--width", "5"), "out.partial", "another call", "--force")
    assert epidyn(*call).code == 0
    assert [(work / "out" / name).read_bytes() for name in FILES] == [
        (work / "whole" / name).read_bytes() for name in FILES
    ]
    assert sorted(path.name for path in work.iterdir()) == ["out", "whole"]


def test_after_ctrl_c_there_is_one_line_and_the_same_call_goes_on(epidyn: Run, inputs: Inputs, work: Path):
    call = ["explain", *map(str, options(inputs, work / "out", top=10))]
    # What starts the tests may ignore Ctrl-C, as nohup does, and would hand that down.
    heeding = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = KILLED.replace("SIGKILL", "SIGINT").replace("main(sys.argv[1:])", "sys.exit(main(sys.argv[1:]))")
    code = heeding + code
    stopped = subprocess.run([sys.executable, "-c", code, *call], env=os.environ, capture_output=True, text=True)
    assert (stopped.returncode, stopped.stdout) == (130, "")
    assert stopped.stderr.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in stopped.stderr
    assert not (work / "out").exists()
    assert [path.name for path in sorted((work / "out.partial").iterdir())] == ["000000.tsv.gz", SETTINGS]
    assert epidyn(*call).code == 0
    assert set(listing(work / "out")) == set(FILES)


def test_a_second_process_at_the_same_output_is_refused(
    epidyn: Run, inputs: Inputs, work: Path, monkeypatch: pytest.MonkeyPatch
):
    from epidyn.interpret import explain

    call = ["explain", *options(inputs, work / "out")]
    put_together, seconds = explain._put_together, []

    def try_again_and_put_together(*given: object, force: bool) -> None:
        seconds.append(epidyn(*call))
        put_together(*given, force=force)

    monkeypatch.setattr(explain, "_put_together", try_again_and_put_together)
    assert epidyn(*call).code == 0
    (second,) = seconds
    refused(second, "out.partial", "is at work", f"process {os.getpid()}")
    assert set(listing(work / "out")) == set(FILES)


KILLED_LATE = """
import os, signal, sys
from epidyn.cli import main
from epidyn.interpret import explain

explain.write_tracks = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


def test_killed_while_the_folder_is_put_together(epidyn: Run, inputs: Inputs, work: Path):
    explained(epidyn, inputs, work / "whole", top=10)
    call = ["explain", *map(str, options(inputs, work / "out", top=10))]
    killed = subprocess.run([sys.executable, "-c", KILLED_LATE, *call], env=os.environ, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert (work / "out" / EFFECTS).exists()
    (work / "out" / "mine").touch()
    refused(epidyn(*call), "is not empty")  # not ours alone
    (work / "out" / "mine").unlink()
    assert epidyn(*call).code == 0
    assert listing(work / "out") == listing(work / "whole")


@pytest.mark.parametrize("damage", ["cut", "changed", "other"])
def test_a_damaged_part_is_made_anew(epidyn: Run, inputs: Inputs, work: Path, damage: str):
    explained(epidyn, inputs, work / "whole", top=10)
    call = ["explain", *map(str, options(inputs, work / "out", top=10))]
    subprocess.run([sys.executable, "-c", KILLED, *call], env=os.environ, capture_output=True)
    part = work / "out.partial" / "000000.tsv.gz"
    whole = part.read_bytes()
    if damage == "other":
        with gzip.open(part, "wt") as handle:
            handle.write("pair\n0\n")
    else:
        part.write_bytes(whole[:-20] if damage == "cut" else whole[:500] + bytes(40) + whole[540:])
    assert epidyn(*call).code == 0
    assert (work / "out" / EFFECTS).read_bytes() == (work / "whole" / EFFECTS).read_bytes()


def test_force_replaces_and_without_it_nothing_is_touched(epidyn: Run, inputs: Inputs, work: Path):
    explained(epidyn, inputs, work / "out")
    (work / "out" / "note").write_text("mine")
    before = listing(work / "out")
    refused(epidyn("explain", *options(inputs, work / "out", top=1)), "not empty", "--force")
    assert listing(work / "out") == before
    assert epidyn("explain", *options(inputs, work / "out", top=1), "--force").code == 0
    assert len(read_effects(work / "out").pairs) == 1
    assert (work / "out" / "note").read_text() == "mine"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "guess"}, ("--method", "'guess'", "saturation")),
        ({"element": "exon"}, ("--element", "'exon'", "promoter")),
        ({"min_probability": 1.5}, ("--min-probability is 1.5", "between 0 and 1")),
        ({"top": 0}, ("--top is 0",)),
        ({"label": 2}, ("--label is 2",)),
        ({"width": 62}, ("--width is 62", "61 bases")),
        ({"step": 0}, ("--step is 0",)),
        ({"batch_size": 0}, ("--batch-size is 0",)),
        ({"replace": "X"}, ("--replace is 'X'", "N, shuffle")),
        ({"replace": "shuffle", "method": "gradient"}, ("--replace shuffle", "not with gradient")),
        ({"replace": "shuffle", "shuffles": 0}, ("--shuffles is 0",)),
        ({"replace": "shuffle", "seed": -1}, ("--seed is -1",)),
        ({"method": "saturation", "width": 6}, ("--width means nothing with --method saturation",)),
        ({"shuffles": 2, "seed": 1}, ("--shuffles, --seed mean nothing without --replace shuffle",)),
        ({"variants": "v.vcf", "step": 3, "element": "both"}, ("--element, --step mean nothing with --variants",)),
        ({"max_indel": 3}, ("--max-indel means nothing without --variants",)),
    ],
    ids=str,
)
def test_refuses_settings(epidyn: Run, inputs: Inputs, work: Path, changes: dict, words: tuple[str, ...]):
    refused(epidyn("explain", *options(inputs, work / "out", **changes)), *words)
    assert list(work.iterdir()) == []


BAD = {**BAD_TABLES, **FOREIGN_TABLES}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_refuses_a_bad_table(epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path, content, words):
    pairs = write(tmp_path / "bad" / "pairs.csv", content)
    refused(epidyn("explain", *options(inputs, work / "out", pairs=pairs)), *words)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(("content", "words"), GENOMES_AT_FAULT.values(), ids=GENOMES_AT_FAULT)
def test_refuses_a_bad_genome(epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path, content, words):
    genome = write(tmp_path / "bad" / "genome.fa", content)
    refused(epidyn("explain", *options(inputs, work / "out", genome=genome)), *words)
    assert list(work.iterdir()) == []


def test_label_needs_labels(epidyn: Run, inputs: Inputs, tmp_path: Path, work: Path):
    lines = [line.rpartition(",")[0] for line in inputs.pairs.read_text().splitlines()]
    pairs = write(tmp_path / "in" / "pairs.csv", "\n".join(lines).encode() + b"\n")
    refused(epidyn("explain", *options(inputs, work / "out", pairs=pairs, label=1)), "'label'", "--label")
