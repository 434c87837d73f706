"""What all benchmarks share: timings in turns, memory of fresh processes, and tables of figures.

Times on a shared machine drift. So what is compared is timed in turns, A, B, A, B, in one process, and the ratio
of the medians is what counts. Nothing here imports torch before it is needed: its memory would be a benchmark's.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

# Units of a timing, from seconds for one pair (or whatever was counted).
UNITS: dict[str, Callable[[float], float]] = {
    "pairs/s": lambda seconds: 1 / seconds,
    "rows/s": lambda seconds: 1 / seconds,
    "intervals/s": lambda seconds: 1 / seconds,
    "ms/pair": lambda seconds: 1e3 * seconds,
    "ms/mask": lambda seconds: 1e3 * seconds,
    "s": lambda seconds: seconds,
}


@dataclass(frozen=True)
class Timing:
    """Repeated measurements of one thing, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def per(self, count: int) -> Timing:
        """Return the time for one of ``count``."""
        return Timing(tuple(each / count for each in self.seconds))

    def spread(self, unit: str) -> tuple[float, float] | None:
        """Return the lowest and the highest measurement in ``unit``; None of a single one."""
        values = [UNITS[unit](each) for each in self.seconds]
        return (min(values), max(values)) if len(values) > 1 else None


def alternate(
    subjects: Mapping[str, Callable[[], object]],
    repetitions: int,
    *,
    at_least: float = 0.0,
    warm_up: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Time every subject ``repetitions`` times, in turns, and on until all has taken ``at_least`` seconds.

    ``warm_up`` runs each once beforehand, untimed.
    """
    if warm_up:
        for run in subjects.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    rounds, taken = 0, 0.0
    while rounds < repetitions or taken < at_least:
        for name, run in subjects.items():
            began = clock()
            run()
            seconds[name].append(clock() - began)
            taken += seconds[name][-1]
        rounds += 1
    return {name: Timing(tuple(times)) for name, times in seconds.items()}


@dataclass(frozen=True)
class Wanted:
    """A threshold for a figure's value, or for its ratio to the twin; ``aim`` is what would be better still."""

    of: Literal["value", "ratio"]
    sense: Literal[">=", "<="]
    limit: float
    aim: float | None = None

    def __str__(self) -> str:
        text = f"{self.of} {self.sense} {self.limit:,g}"
        return text if self.aim is None else f"{text} (aim {self.aim:,g})"

    def met_by(self, figure: Figure) -> bool:
        found = getattr(figure, self.of)
        return found >= self.limit if self.sense == ">=" else found <= self.limit


@dataclass(frozen=True)
class Figure:
    """One measured number, maybe with the plain twin's.

    ``ratio`` says how many times better than the twin; ``spread`` holds lowest and highest of the repetitions.
    """

    name: str
    value: float
    unit: str
    spread: tuple[float, float] | None = None
    twin: float | None = None
    twin_spread: tuple[float, float] | None = None
    ratio: float | None = None
    wanted: tuple[Wanted, ...] = ()

    @classmethod
    def timed(cls, name: str, timing: Timing, unit: str, *wanted: Wanted) -> Figure:
        """A time, or what follows from it, by itself."""
        return cls(name, UNITS[unit](timing.median), unit, timing.spread(unit), wanted=wanted)

    @classmethod
    def against(cls, name: str, ours: Timing, twin: Timing, unit: str, *wanted: Wanted) -> Figure:
        """A time beside that of the twin, both for one of what they count."""
        return cls(
            name,
            UNITS[unit](ours.median),
            unit,
            ours.spread(unit),
            UNITS[unit](twin.median),
            twin.spread(unit),
            twin.median / ours.median,
            wanted,
        )

    @property
    def met(self) -> bool | None:
        """Whether every threshold is met; None without one."""
        return all(wanted.met_by(self) for wanted in self.wanted) if self.wanted else None

    def as_json(self, group: str) -> dict[str, Any]:
        fields = {name: value for name, value in vars(self).items() if name != "wanted"}
        return {"group": group, **fields, "threshold": self.threshold, "met": self.met}

    @property
    def threshold(self) -> str | None:
        return " and ".join(map(str, self.wanted)) or None

    def row(self) -> dict[str, str]:
        """Return the cells of a table's row by column; empty where there is nothing to say."""
        return {
            "what": self.name,
            "measured": f"{number(self.value)} {self.unit}".strip(),
            "lowest-highest": _range(self.spread),
            "twin": "" if self.twin is None else number(self.twin),
            "twin's lowest-highest": _range(self.twin_spread),
            "ratio": "" if self.ratio is None else f"{self.ratio:.2f}",
            "wanted": self.threshold or "",
            "met": {None: "", True: "yes", False: "**no**"}[self.met],
        }


@dataclass(frozen=True)
class Section:
    """The figures of one group, with a text that stands for their table where that would be too long."""

    name: str
    figures: Sequence[Figure]
    text: str | None = None

    def markdown(self) -> str:
        return f"## {self.name}\n\n{self.text or markdown_table([figure.row() for figure in self.figures])}\n"


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows of cells by column as a table, without the columns that are empty in all of them."""
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    cells = [columns, ["---"] * len(columns), *([row[name] for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def write(out: Path, name: str, sections: Iterable[Section], title: str) -> None:
    """Write ``name.json`` and ``name.md`` into ``out``."""
    sections, about = list(sections), machine()
    out.mkdir(parents=True, exist_ok=True)
    figures = [figure.as_json(section.name) for section in sections for figure in section.figures]
    (out / f"{name}.json").write_text(json.dumps({"machine": about, "figures": figures}, indent=2) + "\n")
    lines = [f"# {title}\n", ", ".join(f"{key} {value}" for key, value in about.items()) + "\n"]
    (out / f"{name}.md").write_text("\n".join([*lines, *(section.markdown() for section in sections)]))


def number(value: float) -> str:
    """A number with three significant digits, or all of its whole ones."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _range(spread: tuple[float, float] | None) -> str:
    return "" if spread is None else "-".join(map(number, spread))


def machine() -> dict[str, str | int]:
    """Return what the figures were measured on."""
    import torch

    about: dict[str, str | int] = {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "load at the end": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "NumPy": version("numpy"),
        "epidyn": version("epidyn"),
    }
    if torch.cuda.is_available():
        about["card"] = torch.cuda.get_device_name()
    return about


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@dataclass(frozen=True)
class Run:
    """What a function returned in a process of its own, how long it took there, and the process's peak memory."""

    result: Any
    seconds: float
    peak_bytes: int


def run_apart(function: Callable[..., Any], *arguments: Any, apart: bool = True) -> Run:
    """Call a module's function in a new process, whose peak memory is so its own; what it raises is raised here.

    With ``apart`` False it is called in this process, which is quicker and says nothing about memory.
    """
    if not apart:
        return _run(function, arguments)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run, function, arguments).result()


def _run(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Run:
    began = time.perf_counter()
    result = function(*arguments)
    return Run(result, time.perf_counter() - began, peak_bytes())


def peak_bytes() -> int:
    """Peak memory of this process alone; what getrusage says on Linux begins with the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
