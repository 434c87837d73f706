"""``epidyn train``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from epidyn.cli.options import Force, Quiet
from epidyn.errors import ConfigError

_SECTIONS = {
    "data": ("pairs", "genome", "kmer_vectors", "shuffle_labels"),
    "split": ("split", "validation"),
    "training": (
        "protocol",
        "copies",
        "rc_augment",
        "epochs",
        "patience",
        "batch_size",
        "learning_rate",
        "max_steps",
        "seed",
        "init",
        "devices",
        "accelerator",
        "precision",
        "conv",
        "compile",
        "save_minutes",
    ),
}


def train(
    pairs: Annotated[
        Path | None, typer.Option(help="Labelled pair table: TargetFinder, BENGI, or our columns.")
    ] = None,
    genome: Annotated[str | None, typer.Option(help="FASTA, 2bit, or random:hg19[:SEED].")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to make.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this run folder; takes no other option.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings as TOML; a run folder's config.toml repeats it.")
    ] = None,
    kmer_vectors: Annotated[Path | None, typer.Option(help="6-mer vectors: .npy or word2vec text.")] = None,
    split: Annotated[str | None, typer.Option(help="random (default), chromosome:NAME,NAME or column.")] = None,
    validation: Annotated[
        str | None, typer.Option(help="auto (default), column, elements, pairs, samples or chromosome:NAME,NAME.")
    ] = None,
    protocol: Annotated[
        Literal["default", "published"] | None,
        typer.Option(help="A named set of settings; other options win over it."),
    ] = None,
    copies: Annotated[
        str | None, typer.Option(help="Shifted copies of a training positive, or balanced (default).")
    ] = None,
    rc_augment: Annotated[
        bool, typer.Option("--rc-augment", help="Reverse-complement each window with probability 1/2.")
    ] = False,
    shuffle_labels: Annotated[
        bool, typer.Option("--shuffle-labels", help="Control: permute labels within each chromosome.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(help="At most; default 30.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a lower validation loss before it stops; default 5.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Over all devices; default 64.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Default 0.001.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Stop after this many steps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn; default 0.")] = None,
    init: Annotated[Path | None, typer.Option(help="Model file to start from.")] = None,
    devices: Annotated[int | None, typer.Option(help="Number of GPUs, or of CPU processes; default 1.")] = None,
    accelerator: Annotated[Literal["auto", "cpu", "gpu"] | None, typer.Option(help="Default auto.")] = None,
    precision: Annotated[
        Literal["auto", "32", "bf16"] | None,
        typer.Option(help="Default auto: bf16 (mixed) on a GPU that computes it, otherwise 32."),
    ] = None,
    conv: Annotated[
        Literal["auto", "direct", "fft"] | None,
        typer.Option(help="How convolutions are computed; fft is for the CPU. Default auto, the faster one."),
    ] = None,
    compile: Annotated[bool, typer.Option("--compile", help="Compile the network (GPU).")] = False,
    save_minutes: Annotated[float | None, typer.Option(help="Between saves within an epoch; default 5.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, as section.key=value, for example network.gru=false."),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train a network on labelled pairs; --out gets model, settings, history, test predictions and metrics."""
    # 0 is given, though it equals False.
    given = {name: value for name, value in locals().items() if value is not False and value not in (None, [])}
    if resume is not None:
        _resume(resume, set(given) - {"resume", "quiet"})
        return
    from epidyn.training import train as library_train
    from epidyn.training.config import make_config, parse_assignments, read_settings, with_absolute_paths

    layers = [
        read_settings(config) if config else {},
        parse_assignments(assignments or []),
        _by_section(given),
    ]
    start = _last(layers, "training", "init")
    if isinstance(start, str):
        from epidyn.training.inputs import init_network_settings

        layers.insert(0, {"network": init_network_settings(start)})
    if out is None:
        raise ConfigError("--out is missing: the run folder to make.")
    library_train(with_absolute_paths(make_config(*layers)), out, force=force)


def _resume(folder: Path, others: set[str]) -> None:
    if others:
        names = ("set" if name == "assignments" else name.replace("_", "-") for name in others)
        options = ", ".join(f"--{name}" for name in sorted(names))
        raise ConfigError(f"--resume takes no other option (given: {options}); the run's config.toml holds them.")
    from epidyn.training import resume as library_resume

    library_resume(folder)


def _last(layers: Sequence[Mapping[str, Any]], section: str, name: str) -> Any:
    """Return what the last layer that has a setting says; a section that is none is complained of later."""
    sections = [layer.get(section) for layer in layers]
    values = [each[name] for each in sections if isinstance(each, Mapping) and name in each]
    return values[-1] if values else None


def _by_section(given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Sort options into the sections of a configuration."""
    if given.get("copies", "").isdecimal():
        given["copies"] = int(given["copies"])
    values = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    return {
        section: {name: values[name] for name in names if name in values} for section, names in _SECTIONS.items()
    }
