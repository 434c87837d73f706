"""Kill commands with SIGKILL at random moments, call them again, and compare what they leave with a whole run.

Called by hand, it makes its own toy data and prints a table::

    python -m tests.slow.kills --kills 100 --command train --command scan

Each command first runs whole, twice: what differs between the two would be no finding, so it ends there. Then come
rounds: one to three kills, each after a random share of the time the whole run took, and the call that ends the
work. Not compared is what says when, how long and in which memory something was done (``TIMELESS``), the log of a
run, and of a study its journal, the trials that a kill cut, whose settings are tried again, and the numbers that
trials have for it, which ``history.png`` shows.

Each call is a process forked off one that has loaded the libraries, so that kills meet the work and not the
loading. ``--interrupt`` sends what Ctrl-C does. Exit status 1 if a call again failed or left something else.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.loopback import Script, serving
from tests.nn.toys import SMALL

# In JSON, these keys at any depth; in tables, these columns.
TIMELESS = {"time", "memory", "seconds", "modified", "url", "worker"}
NOT_COMPARED = ("log.txt", "study.journal", "study.journal.claim", "history.png", ".lock")  # ends of names
MOST_KILLS_A_ROUND = 3
LIBRARIES = (
    "epidyn.crossval",
    "epidyn.interpret.explain",
    "epidyn.scan",
    "epidyn.training",
    "epidyn.tuning",
    "matplotlib.pyplot",
    "pooch",
    "requests",
)
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Command:
    """A command on toy data.

    Attributes
    ----------
    call
        Its words, with ``{out}`` for a folder that is not there yet.
    again
        The words that go on with it, where they are others.
    prepare
        Done in the process of the command before it runs: smaller parts, a known download.
    """

    call: list[str]
    again: list[str] = field(default_factory=list)
    prepare: Callable[[], None] = lambda: None


@dataclass
class Count:
    """What the rounds of one command came to."""

    rounds: int = 0
    survived: int = 0
    before_anything: int = 0
    too_late: int = 0
    differences: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        """Return the command's line of the table."""
        counts = (self.rounds, self.survived, self.before_anything, self.too_late, len(self.differences))
        return "\t".join([name, *map(str, counts)])


HEADER = "command\trounds\tkills survived\tof these before anything was there\tended before its kill\tdifferences"
INTERRUPTED = 130  # the exit status after Ctrl-C


# --- toy data --------------------------------------------------------------------------------------------------


def make_inputs(folder: Path) -> None:
    """Make pairs, a genome, elements, settings and a model."""
    from epidyn import read_pairs, training
    from epidyn.simulate import configure, simulate, write_simulation
    from epidyn.training.config import make_config

    sizes = {"enhancer_length": 140, "promoter_length": 120, "instances": 2, "decoys": 0, "seed": 1}
    write_simulation(simulate(configure({"chromosomes": 4, "pairs_per_chromosome": 30, **sizes})), folder)
    pairs = read_pairs(folder / "pairs.csv")
    for role in ("enhancer", "promoter"):
        places = pairs[[f"{role}_{part}" for part in ("chrom", "start", "end")]].drop_duplicates()
        places.to_csv(folder / f"{role}s.bed", sep="\t", header=False, index=False)
    config = make_config(
        {
            "data": {"pairs": str(folder / "pairs.csv"), "genome": str(folder / "genome.fa")},
            "split": {"split": "chromosome:chr4", "validation": "chromosome:chr3"},
            "training": {"copies": 2, "step": 3, "epochs": 4, "batch_size": 13, "rc_augment": True, "seed": 5},
            "network": SMALL,
        }
    )
    (folder / "config.toml").write_text(config.to_toml())
    (folder / "space.toml").write_text("[training.learning_rate]\nlow = 0.0001\nhigh = 0.1\nlog = true\n")
    training.train(config, folder / "run")


def commands(inputs: Path, mirror: str, content: str) -> dict[str, Command]:
    """Return the commands by name; ``content`` is the SHA-256 of what ``mirror`` gives."""
    training = ["--config", f"{inputs}/config.toml", "--out", "{out}/run"]
    loco = ["--split", "loco", "--validation", "auto", "--epochs", "1"]
    scoring = ["--model", f"{inputs}/run/model.safetensors", "--genome", f"{inputs}/genome.fa"]
    elements = ["--enhancers", f"{inputs}/enhancers.bed", "--promoters", f"{inputs}/promoters.bed"]

    def small_parts() -> None:
        from epidyn.interpret import explain
        from epidyn.scan import run

        run.scan.__kwdefaults__["part_promoters"] = 4
        explain.explain_table.__kwdefaults__["part_pairs"] = 2

    def toy_download() -> None:
        from epidyn import fetch

        fetch.RESOURCES["toy"] = fetch.Resource("toy", "toy/toy.bin", "", content, "")

    return {
        "train": Command(
            ["train", *training, "--save-minutes", "0", "--continue"], ["train", "--resume", "{out}/run"]
        ),
        "train, saved each epoch": Command(["train", *training, "--continue"]),
        "crossval": Command(["crossval", *training, *loco]),
        "tune": Command(["tune", *training, "--space", f"{inputs}/space.toml", "--trials", "12", "--epochs", "2"]),
        "explain": Command(
            ["explain", *scoring, "--pairs", f"{inputs}/pairs.csv", "--top", "12", "--out", "{out}/effects"],
            prepare=small_parts,
        ),
        "scan": Command(["scan", *scoring, *elements, "--out", "{out}/scan.tsv.gz"], prepare=small_parts),
        "fetch": Command(["fetch", "toy", "--from", mirror], prepare=toy_download),
    }


@contextlib.contextmanager
def mirror(size: int) -> Iterator[tuple[str, str]]:
    """Serve ``size`` random bytes from a process of its own; yields the address and their SHA-256."""
    content = np.random.default_rng(3).bytes(size)
    ours, theirs = _FORK.Pipe()

    def serve() -> None:
        with serving(Script(content)) as url:
            theirs.send(url)
            theirs.recv()

    server = _FORK.Process(target=serve, daemon=True)
    server.start()
    try:
        yield ours.recv(), hashlib.sha256(content).hexdigest()
    finally:
        ours.send(None)
        server.join()


# --- calls and kills -------------------------------------------------------------------------------------------


def started(command: Command, words: list[str], out: Path) -> BaseProcess:
    """Start a call in a process group of its own; what it prints goes to ``OUT.said``."""

    def run() -> None:
        os.setpgid(0, 0)
        with out.with_name(f"{out.name}.said").open("wb") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os.environ["EPIDYN_CACHE"] = str(out / "cache")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        command.prepare()
        from epidyn.cli import main

        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = main([word.format(out=out) for word in words])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    process = _FORK.Process(target=run)
    process.start()
    return process


def kill(process: BaseProcess, sent: signal.Signals) -> bool:
    """Kill a call and all that it started; tell whether that ended it."""
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, sent)
    process.join()
    return process.exitcode == (INTERRUPTED if sent == signal.SIGINT else -sent)


def whole(command: Command, out: Path) -> tuple[dict[str, bytes], float]:
    """Run a command without a kill; return what it left and the seconds it took."""
    out.mkdir()
    began = time.monotonic()
    process = started(command, command.call, out)
    process.join()
    seconds = time.monotonic() - began
    if process.exitcode:
        raise SystemExit(f"{' '.join(command.call)}: exit status {process.exitcode}\n{said(out)}")
    return left(out), seconds


def said(out: Path) -> str:
    """Return what the last call printed."""
    return out.with_name(f"{out.name}.said").read_text()


def one_round(
    command: Command, out: Path, seconds: float, rng: np.random.Generator, count: Count, sent: signal.Signals
) -> str:
    """Kill a command up to three times, each a random share of ``seconds`` in; end it; return what went wrong."""
    out.mkdir()
    count.rounds += 1
    killed = 0
    for _ in range(rng.integers(1, MOST_KILLS_A_ROUND + 1)):
        process = started(command, words(command, out, rng), out)
        process.join(rng.random() * seconds)
        if not kill(process, sent):
            count.too_late += 1
            if process.exitcode:
                return f"exit status {process.exitcode}: {said(out)}"
            break
        killed += 1
        if sent == signal.SIGINT and ("Traceback" in said(out) or said(out).count("Interrupted.") != 1):
            return f"more than one line: {said(out)}"
        count.before_anything += not any(out.rglob("*"))
        if finished(out):
            break
    if finished(out):
        count.survived += killed
        return ""
    process = started(command, words(command, out, rng), out)
    process.join()
    if process.exitcode:
        return f"exit status {process.exitcode}: {said(out)}"
    count.survived += killed
    return ""


def finished(out: Path) -> bool:
    """Tell whether there is a whole output that a further call would not replace without --force."""
    written = (out / "effects").is_dir() or (out / "scan.tsv.gz").is_file()
    return written and not any(out.glob("*.partial"))


def words(command: Command, out: Path, rng: np.random.Generator) -> list[str]:
    """Return the words of the next call: the same again, or where that is possible those that go on."""
    begun = (out / "run" / "config.toml").is_file()
    return command.again if command.again and begun and rng.random() < 0.5 else command.call


# --- what is left ----------------------------------------------------------------------------------------------


def left(out: Path) -> dict[str, bytes]:
    """Return each file below a folder with its content, without what may differ; its own path reads ``OUT``."""
    files = {str(path.relative_to(out)): path for path in sorted(out.rglob("*")) if path.is_file()}
    return {
        name: comparable(path).replace(os.fsencode(out), b"OUT")
        for name, path in files.items()
        if not name.endswith(NOT_COMPARED)
    }


def comparable(path: Path) -> bytes:
    """Return a file's content without times; of a study without the trials that a kill cut."""
    if path.suffix == ".json":
        return json.dumps(timeless(json.loads(path.read_text())), sort_keys=True).encode()
    if path.suffix == ".csv":
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if path.name == "trials.csv":
            table = table[table["state"] != "fail"].drop(columns="number")
        buffer = io.StringIO()
        table.drop(columns=[name for name in table if name in TIMELESS]).to_csv(buffer, index=False)
        return buffer.getvalue().encode()
    return path.read_bytes()


def timeless(value: Any) -> Any:
    """Return JSON without the keys of ``TIMELESS``, and without a study's counts of trials and their numbers."""
    if isinstance(value, dict):
        dropped = TIMELESS | ({"trials"} if "search" in value else set())
        dropped |= {"number"} if "kept_epoch" in value else set()
        return {name: timeless(each) for name, each in value.items() if name not in dropped}
    return [timeless(each) for each in value] if isinstance(value, list) else value


def difference(expected: dict[str, bytes], got: dict[str, bytes]) -> str:
    """Return the names of the files that are others, or not in both; empty if there are none."""
    return ", ".join(sorted(name for name in expected | got if expected.get(name) != got.get(name)))


# --- the whole -------------------------------------------------------------------------------------------------


def try_command(
    name: str, command: Command, kills: int, folder: Path, rng: np.random.Generator, sent: signal.Signals
) -> Count:
    """Do rounds until so many kills were survived or a dozen rounds went wrong."""
    folder.mkdir(parents=True)
    (expected, _), (again, seconds) = (whole(command, folder / run) for run in ("first", "second"))
    if others := difference(expected, again):
        raise SystemExit(f"{name}: two whole runs differ in {others}; nothing can be compared.")
    print(f"{name}: a whole run takes {seconds:.2f} s and leaves {len(expected)} files", flush=True)
    count = Count()
    while count.survived < kills and len(count.differences) < 12:
        out = folder / f"round{count.rounds}"
        wrong = one_round(command, out, seconds, rng, count, sent)
        if wrong := wrong or difference(expected, left(out)):
            count.differences.append(wrong)
            print(f"{name}, {out} (kept): {wrong}", flush=True)
        else:
            shutil.rmtree(out)
        if count.rounds % 10 == 0:
            print(count.row(name), flush=True)
    return count


def load_libraries() -> None:
    """Load what the commands use, once, before anything is forked; nothing is computed here."""
    for name in LIBRARIES:
        importlib.import_module(name)


def main() -> int:
    """Read the options, try each command, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10, help="kills to survive, for each command")
    parser.add_argument("--command", action="append", help="by default all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--interrupt", action="store_true", help="as Ctrl-C does, which is to give one line")
    options = parser.parse_args()
    sent = signal.SIGINT if options.interrupt else signal.SIGKILL
    load_libraries()
    work = Path(tempfile.mkdtemp(prefix="kills-"))
    making = _FORK.Process(target=make_inputs, args=(work / "inputs",))
    making.start()
    making.join()
    rng = np.random.default_rng(options.seed)
    table, wrong = [HEADER], 0
    with mirror(50_000_000) as (url, content):
        known = commands(work / "inputs", url, content)
        for name in options.command or known:
            count = try_command(name, known[name], options.kills, work / name.replace(" ", "-"), rng, sent)
            table.append(count.row(name))
            wrong += len(count.differences)
            print(table[-1], flush=True)
    print("\n".join(table))
    if not wrong:
        shutil.rmtree(work)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
