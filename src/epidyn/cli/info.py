"""``epidyn info``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epidyn.cli.options import Quiet
from epidyn.cli.tables import print_rows

if TYPE_CHECKING:
    from epidyn.calibration import Calibration

Rows = list[tuple[str, str]]


def info(
    what: Annotated[str, typer.Argument(help="A model, a pair table, a scores table, or a genome.")],
    quiet: Quiet = False,
) -> None:
    """Say what a model, a pair table or a genome is."""
    print_rows(describe(what))


def describe(what: str) -> Rows:
    """Return names and values that describe a model, a genome or a pair table, told apart by content."""
    from epidyn.fetch import located
    from epidyn.files import require_file
    from epidyn.genome.opening import looks_like_genome
    from epidyn.pairs.parquet import is_parquet

    if what.startswith("random:"):
        return _genome(what)
    path = require_file(located(what), "file")
    with path.open("rb") as handle:
        start = handle.read(9)
    # A safetensors file begins with the length of its header, eight bytes, and the header's brace.
    if (start[8:9] == b"{" and not is_parquet(path)) or path.suffix == ".safetensors":
        return _model(path)
    return _genome(str(path)) if looks_like_genome(path) else _pairs(path)


def _model(path: Path) -> Rows:
    from epidyn.files import sha256
    from epidyn.model import Model

    model = Model.load(path)
    origin = model.provenance
    rows = [
        ("model", f"{path} (sha256 {sha256(path)})"),
        ("kind", model.scorer.kind),
        ("windows", ", ".join(f"{role} {length:,} bp" for role, length in model.scorer.lengths.items())),
        ("parameters", f"{sum(tensor.numel() for tensor in model.scorer.tensors().values()):,}"),
    ]
    known = origin.model_dump(
        exclude={"training_intervals", "training", "metrics", "calibration"}, exclude_none=True
    )
    shared = known.get("split", {}).pop("leakage", None)
    rows += [(name.replace("_", " "), _plain(value)) for name, value in known.items()]
    if origin.calibration is not None:
        rows += _calibration(origin.calibration)
    if shared is not None:
        rows.append(("leakage", shared.pop("summary")))
        rows += [(f"leakage.{name}", _plain(value)) for name, value in shared.items()]
    rows.append(("training elements", f"{len(origin.interval_hashes()):,} known by hash"))
    for part, scores in (origin.metrics or {}).items():
        if scores:
            rows.append((part, _plain(scores)))
    rows += [(f"training.{name}", _plain(value)) for name, value in (origin.training or {}).items()]
    rows += [
        (f"{model.scorer.kind}.{name}", _plain(value)) for name, value in model.scorer.configuration().items()
    ]
    return rows


def _calibration(calibration: Calibration) -> Rows:
    """Return the map in words, not the points of an isotonic one, and what it was fitted on."""
    known = calibration.model_dump(
        exclude={"method", "slope", "intercept", "logits", "probabilities"}, exclude_none=True
    )
    return [
        ("calibration", calibration.words()),
        ("calibration.prevalence", _plain(calibration.prevalence)),
        *((f"calibration.{name}", _plain(value)) for name, value in known.items()),
    ]


def _genome(spec: str) -> Rows:
    from epidyn.genome import Genome

    with Genome.open(spec) as genome:
        sizes = genome.sizes
        shown = list(sizes.items())[:30]
        return [
            ("genome", genome.name),
            ("chromosomes", f"{len(sizes):,}"),
            ("bases", f"{sum(sizes.values()):,}"),
            ("digest", genome.digest()),
            *((name, f"{size:,}") for name, size in shown),
            *([("...", f"and {len(sizes) - len(shown):,} more")] if len(sizes) > len(shown) else []),
        ]


def _pairs(path: Path) -> Rows:
    import pandas as pd

    from epidyn.pairs import chromosomes, intervals, read_pairs, spellings

    table = read_pairs(path)
    rows = [("pair table", str(path)), ("format", table.attrs["format"]), ("pairs", f"{len(table):,}")]
    if "label" in table:
        positives = int(table["label"].sum())
        rows.append(("positives", f"{positives:,} ({positives / len(table):.2%})"))
    if "cell_line" in table:
        rows.append(("cell lines", ", ".join(sorted(table["cell_line"].unique()))))
    for role in ("enhancer", "promoter"):
        elements = intervals(table, role)
        lengths = elements["end"] - elements["start"]
        distinct = len(elements.drop_duplicates())
        rows.append((f"{role}s", f"{distinct:,} distinct, {lengths.min():,} to {lengths.max():,} bp"))
    spelt = spellings(table)
    counts = pd.Series(chromosomes(table)).map(spelt).value_counts()
    rows.append(("chromosomes", ", ".join(f"{name} {count:,}" for name, count in counts.items())))
    return [*rows, ("columns", ", ".join(table.columns))]


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_nested(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_plain, value))
    return str(value)


def _nested(value: object) -> str:
    return f"({_plain(value)})" if isinstance(value, dict) else _plain(value)
