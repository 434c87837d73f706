"""The messages on the page are those that the commands give, and it has no others."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from epidyn.cli import main
from epidyn.locks import alone_in
from tests.docs.pages import ROOT
from tests.fulldisk import no_file_beyond

PAGE = ROOT / "docs" / "troubleshooting.md"
TRAIN = "train --pairs pairs.csv --genome genome.fa --split chromosome:chr4 --out out --config small.toml"
PREDICT = "predict --model run/model.safetensors --pairs new.csv --genome genome.fa --out scores.tsv"
EXPLAIN = "explain --model run/model.safetensors --pairs pairs.csv --genome genome.fa --out out"
CALIBRATE = "calibrate --model run/model.safetensors --scores others.tsv --out calibrated.safetensors"
PAIRS = TRAIN.replace("--config small.toml", "--model motif-pairs")
MEME = "MEME version 4\nMOTIF own\nletter-probability matrix: "
BEDS = "--enhancers enhancers.bed --promoters promoters.bed"
SCAN = f"scan --model run/model.safetensors --genome genome.fa {BEDS} --out s.tsv.gz"

# What is done to the files of the how-tos, or to the program, before a command.
Change = Callable[[pytest.MonkeyPatch], object]


def nothing(_: pytest.MonkeyPatch) -> None:
    pass


def replace(file: str, old: str, new: str) -> Change:
    return lambda _: Path(file).write_text(Path(file).read_text().replace(old, new))


def write(file: str, content: str) -> Change:
    return lambda _: Path(file).write_text(content)


def keep(file: str, share: float) -> Change:
    return lambda _: Path(file).write_bytes(Path(file).read_bytes()[: int(share * Path(file).stat().st_size)])


def keep_first_lines_of_bases(_: pytest.MonkeyPatch) -> None:
    lines = Path("genome.fa").read_text().splitlines()
    kept = [line + "\n" + lines[at + 1] for at, line in enumerate(lines) if line.startswith(">")]
    Path("genome.fa").write_text("\n".join(kept) + "\n")


def stop_and_damage_the_run(_: pytest.MonkeyPatch) -> None:
    Path("run/metrics.json").unlink()
    Path("run/checkpoint.pt").write_bytes(b"half")


def keep_one_score_of_each_label(_: pytest.MonkeyPatch) -> None:
    table = pd.read_csv("others.tsv", sep="\t")
    table.iloc[[0, -1]].assign(label=[0, 1]).to_csv("others.tsv", sep="\t", index=False)


def keep_one_positive(_: pytest.MonkeyPatch) -> None:
    table = pd.read_csv("pairs.csv")
    table.assign(label=[1, *[0] * (len(table) - 1)]).to_csv("pairs.csv", index=False)


def explain_some(_: pytest.MonkeyPatch) -> None:
    assert main([*EXPLAIN.replace("--out out", "--out explained").split(), "--top", "60"]) == 0


def diverge(patch: pytest.MonkeyPatch) -> None:
    loss = torch.tensor(float("nan"), requires_grad=True)
    patch.setattr("epidyn.training.module.NetworkModule.training_step", lambda *_: loss * 1)


def exhaust(patch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    patch.setattr("epidyn.training.module.NetworkModule.training_step", fail)


def take_away_pyarrow(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "pyarrow", None)


CASES: dict[str, tuple[Change, str]] = {
    "missing file": (nothing, PREDICT.replace("new.csv", "none.csv")),
    "not a table": (replace("new.csv", "enhancer_start", "from"), PREDICT),
    "bad cell": (replace("new.csv", "chr1,", "chr1,x"), PREDICT),
    "no labels": (nothing, TRAIN.replace("pairs.csv", "new.csv")),
    "no test chromosome": (nothing, TRAIN.replace("chr4", "chr9")),
    "one chromosome left": (nothing, TRAIN.replace("chr4", "chr1,chr2,chr4")),
    "few positives": (
        keep_one_positive,
        "crossval" + TRAIN.removeprefix("train").replace("chromosome:chr4", "loco"),
    ),
    "motifs cut short": (
        write("own.meme", f"{MEME}w= 3\n0.1 0.2 0.3 0.4\n"),
        f"{PAIRS} --motifs own.meme",
    ),
    "other motif format": (write("own.meme", ">MA1\nA [1 2]\n"), f"{PAIRS} --motifs own.meme"),
    "idle settings": (nothing, f"{PAIRS} --epochs 3"),
    "other names": (replace("genome.fa", ">chr", ">scaffold"), PREDICT),
    "other assembly": (keep_first_lines_of_bases, PREDICT),
    "BED of another genome": (replace("enhancers.bed", "chr", "scaffold"), SCAN),
    "BED with a header": (write("enhancers.bed", "chrom\tstart\tend\nchr1\t5\t9\n"), SCAN),
    "other contigs": (replace("variants.vcf", "chr", "scaffold"), EXPLAIN + " --top 3 --variants variants.vcf"),
    "truncated model": (keep("run/model.safetensors", 0.5), PREDICT),
    "no model": (write("run/model.safetensors", ">chr1\nACGT\n"), PREDICT),
    "damaged checkpoint": (stop_and_damage_the_run, "train --resume run"),
    "other settings": (nothing, TRAIN.replace("--out out", "--out run") + " --continue --epochs 3"),
    "diverged": (diverge, TRAIN),
    "few pairs to calibrate": (keep_one_score_of_each_label, CALIBRATE),
    "none confident": (nothing, EXPLAIN),
    "few segments": (explain_some, "motifs explained --genome genome.fa --out motifs"),
    "output there": (write("scores.tsv", ""), PREDICT),
    "output folder there": (nothing, TRAIN.replace("--out out", "--out run")),
    "no such folder": (nothing, PREDICT.replace("scores.tsv", "none/scores.tsv")),
    "full disk": (nothing, PREDICT),
    "unknown format": (nothing, PREDICT.replace("scores.tsv", "scores.xlsx")),
    "folder in use": (nothing, TRAIN + " --force"),
    "no GPU for bf16": (nothing, TRAIN + " --precision bf16"),
    "no GPU": (nothing, PREDICT + " --device cuda"),
    "no memory": (exhaust, TRAIN),
    "no extra": (take_away_pyarrow, PREDICT.replace("scores.tsv", "scores.parquet")),
    "no network": (nothing, "fetch dna2vec --from http://127.0.0.1:9"),
    "unknown name": (nothing, "fetch targetfinder:NHEk"),
    "unknown option": (nothing, PREDICT + " --batchsize 3"),
}


def told() -> dict[str, re.Pattern[str]]:
    """Return the messages of the page; … stands for what differs."""
    messages = re.findall(r"^    (\S.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {message: re.compile(re.escape(message).replace("…", ".+")) for message in messages}


def complaint(case: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the command of a case complains of, in the folder where its files are."""
    change, command = CASES[case]
    with pytest.MonkeyPatch.context() as patch:
        change(patch)
        capsys.readouterr()
        if case == "folder in use":
            return _said_in_another_process(command)
        with no_file_beyond(300) if case == "full disk" else contextlib.nullcontext():
            assert main(command.split()) == 2
    return _headline(capsys.readouterr().err)


def _said_in_another_process(command: str) -> str:
    Path("out").mkdir()
    with alone_in(Path("out")):
        done = subprocess.run(
            [sys.executable, "-m", "epidyn", *command.split()], capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    return _headline(done.stderr)


def _headline(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("Error: "))


def test_the_page_has_the_messages_and_no_others(
    files: Path,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("EPIDYN_CACHE", str(tmp_path / "cache"))
    said = {}
    for case in CASES:
        shutil.copytree(files, tmp_path / case)
        shutil.copytree(trained, tmp_path / case, dirs_exist_ok=True)
        monkeypatch.chdir(tmp_path / case)
        said[case] = complaint(case, capsys)
    page = told()
    assert [text for text in said.values() if not any(each.fullmatch(text) for each in page.values())] == []
    assert [message for message, each in page.items() if not any(map(each.fullmatch, said.values()))] == []
