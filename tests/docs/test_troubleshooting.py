"""The messages on the page are those that the commands give."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from epidyn.cli import main
from epidyn.locks import alone_in
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"
TRAIN = "train --pairs pairs.csv --genome genome.fa --split chromosome:chr4 --out out --config small.toml"
PREDICT = "predict --model run/model.safetensors --pairs new.csv --genome genome.fa --out scores.tsv"
EXPLAIN = "explain --model run/model.safetensors --pairs pairs.csv --genome genome.fa --out out"
BEDS = "--enhancers enhancers.bed --promoters promoters.bed"
SCAN = f"scan --model run/model.safetensors --genome genome.fa {BEDS} --out s.tsv.gz"


def _replace(file: str, old: str, new: str) -> Callable[[], None]:
    return lambda: Path(file).write_text(Path(file).read_text().replace(old, new)) and None


def _keep(file: str, share: float) -> Callable[[], None]:
    return lambda: (
        Path(file).write_bytes(Path(file).read_bytes()[: int(share * Path(file).stat().st_size)]) and None
    )


def _shorter() -> None:
    """Keep the first line of bases of each chromosome."""
    lines = Path("genome.fa").read_text().splitlines()
    kept = [line + "\n" + lines[at + 1] for at, line in enumerate(lines) if line.startswith(">")]
    Path("genome.fa").write_text("\n".join(kept) + "\n")


def nothing() -> None:
    pass


# What is done to the files of the how-tos, and the command that then complains.
CASES: dict[str, tuple[Callable[[], object], str]] = {
    "missing file": (nothing, PREDICT.replace("new.csv", "none.csv")),
    "not a table": (_replace("new.csv", "enhancer_start", "from"), PREDICT),
    "bad cell": (_replace("new.csv", "chr1,", "chr1,x"), PREDICT),
    "no labels": (nothing, TRAIN.replace("pairs.csv", "new.csv")),
    "other genome": (_replace("genome.fa", ">chr", ">scaffold"), PREDICT),
    "other assembly": (_shorter, PREDICT),
    "no test chromosome": (nothing, TRAIN.replace("chr4", "chr9")),
    "output there": (Path("scores.tsv").touch, PREDICT),
    "output folder there": (nothing, TRAIN.replace("--out out", "--out run")),
    "no such folder": (nothing, PREDICT.replace("scores.tsv", "none/scores.tsv")),
    "truncated model": (_keep("run/model.safetensors", 0.5), PREDICT),
    "no model": (lambda: shutil.copy("genome.fa", "run/model.safetensors"), PREDICT),
    "no GPU for bf16": (nothing, TRAIN + " --precision bf16"),
    "no GPU": (nothing, PREDICT + " --device cuda"),
    "none confident": (nothing, EXPLAIN),
    "other contigs": (_replace("variants.vcf", "chr", "scaffold"), EXPLAIN + " --top 3 --variants variants.vcf"),
    "BED of another genome": (_replace("enhancers.bed", "chr", "scaffold"), SCAN),
    "BED with a header": (lambda: Path("enhancers.bed").write_text("chrom\tstart\tend\nchr1\t5\t9\n"), SCAN),
    "unknown name": (nothing, "fetch targetfinder:NHEk"),
    "no network": (nothing, "fetch dna2vec --from http://127.0.0.1:9"),
    "unknown option": (nothing, PREDICT + " --batchsize 3"),
}


def told() -> list[re.Pattern[str]]:
    """Return the messages of the page; … stands for what differs."""
    messages = re.findall(r"^    (\S.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [re.compile(re.escape(message).replace("…", ".+")) for message in messages]


@pytest.fixture
def desk(files: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(files, tmp_path / "desk")
    shutil.copytree(trained, tmp_path / "desk", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.setenv("EPIDYN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "desk"


def complaint(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(command.split()) == 2
    said = capsys.readouterr().err
    return next(line for line in said.splitlines() if line.startswith("Error: "))


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("case", CASES)
def test_a_message_is_on_the_page(case: str, capsys: pytest.CaptureFixture[str]):
    change, command = CASES[case]
    change()
    said = complaint(command, capsys)
    assert any(message.fullmatch(said) for message in told()), said


def test_a_folder_in_use_is_on_the_page(desk: Path, capsys: pytest.CaptureFixture[str]):
    (desk / "out").mkdir()
    with alone_in(desk / "out"):
        script = f"import sys; from epidyn.cli import main; sys.exit(main({[*TRAIN.split(), '--force']!r}))"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    said = next(line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert any(message.fullmatch(said) for message in told()), said
