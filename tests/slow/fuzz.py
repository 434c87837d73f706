"""Give each command damaged files of one kind, and see that it works or refuses them with a message.

    python -m tests.slow.fuzz vcf --minutes 10 --seed 0

An input is a finding if the command ends otherwise than with exit status 0 or 2, warns, refuses without a message,
leaves something half-written, takes over a minute or 8 GiB, or kills its process, as a fault in
a library written in C would. Findings are kept in --findings with what was said. The commands run in a process of
their own, which is started anew when it dies; the number of an input and the seed say what it is.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

SECONDS = 60
MEMORY = 8 << 30


def child(kind_name: str, seed: int, first: int, until: float, folder: Path) -> None:
    """Try inputs from number ``first`` on; the input under trial lies in ``folder / "now"``."""
    from tests.slow.kinds import kinds
    from tests.slow.mutations import mutated

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    kind = kinds(_emptied(folder / "valid"))[kind_name]
    for path in kind.valid:
        _try(kind, path, _emptied(folder / "out"), valid=True)
    number = first
    while time.time() < until:
        rng = np.random.default_rng([seed, number])
        source = kind.valid[int(rng.integers(len(kind.valid)))]
        given = _emptied(folder / "now") / source.name
        given.write_bytes(mutated(source.read_bytes(), rng))
        (folder / "number").write_text(str(number))
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        problem = _try(kind, given, _emptied(folder / "out"))
        faulthandler.cancel_dump_traceback_later()
        if problem:
            _keep(folder, number, given, problem)
        number += 1
    (folder / "number").write_text(str(number))


def _try(kind: object, given: Path, out: Path, *, valid: bool = False) -> str:
    """Return what is wrong with how the command took it; empty if nothing."""
    from epidyn.cli import main

    said = io.StringIO()
    # What the command writes beside its input, an index of a genome, belongs to the input.
    argv = kind.command(given, out)  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            warnings.simplefilter("error")
            code = main(argv)
    except BaseException:
        return traceback.format_exc()
    words = said.getvalue()
    left = [str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()]
    if valid and code != 0 and "none.csv" not in words:
        raise SystemExit(f"a valid {given.name} is refused: {words}")
    if code not in (0, 2) or "Traceback" in words:
        return f"exit status {code}\n{words}"
    if code == 2 and "Error: " not in words:
        return f"refused without a word\n{words}"
    if (code == 2 and left) or any("partial" in name for name in left):
        return f"exit status {code}, and left {left}\n{words}"
    return ""


def _keep(folder: Path, number: int, given: Path, problem: str) -> None:
    kept = folder / "findings" / str(number)
    kept.mkdir(parents=True, exist_ok=True)
    shutil.copy(given, kept)
    (kept / "problem.txt").write_text(problem)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def fuzz(kind: str, minutes: float, seed: int, findings: Path) -> int:
    """Run children until the time is over; print how many inputs were tried, and return how many were findings."""
    with tempfile.TemporaryDirectory() as name:
        folder, until, first = Path(name), time.time() + 60 * minutes, 0
        while time.time() < until:
            command = [
                sys.executable,
                "-m",
                "tests.slow.fuzz",
                kind,
                "--child",
                str(first),
                str(until),
                str(folder),
            ]
            (folder / "number").unlink(missing_ok=True)  # of a child before, which is no word of this one
            ended = subprocess.run([*command, "--seed", str(seed)], capture_output=True, text=True)
            number = folder / "number"
            if ended.returncode == 0:
                break
            if not number.is_file():
                raise SystemExit(ended.stderr)
            first = int(number.read_text())
            [given] = [path for path in (folder / "now").iterdir() if path.suffix != ".fai"]
            _keep(folder, first, given, f"the process ended with {ended.returncode}\n{ended.stderr[-4000:]}")
            first += 1
        tried = int((folder / "number").read_text())
        found = [*(folder / "findings").glob("*")]
        if found:
            shutil.copytree(folder / "findings", findings / kind, dirs_exist_ok=True)
    print(f"{kind}: {tried:,} inputs in {minutes:g} minutes (seed {seed}), {len(found)} findings", flush=True)
    return len(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", nargs="+")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if given.child:
        at, end, place = given.child
        child(given.kind[0], given.seed, int(at), float(end), Path(place))
    else:
        sys.exit(sum(fuzz(kind, given.minutes, given.seed, given.findings) for kind in given.kind) > 0)
