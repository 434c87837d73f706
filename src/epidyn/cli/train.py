"""``epidyn train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epidyn.cli.options import Force, Quiet, told_how_to_go_on
from epidyn.cli.training_options import TrainingOptions, with_training_options
from epidyn.errors import ConfigError


@with_training_options
def train(
    options: TrainingOptions,
    out: Annotated[Path | None, typer.Option(help="Run folder to make.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this run folder; takes no other option.")] = None,
    go_on: Annotated[
        bool,
        typer.Option(
            "--continue",
            help="Where --out holds a run of these settings, go on with it; with --force, begin anew if it holds "
            "another.",
        ),
    ] = False,
    export_triplets: Annotated[
        Path | None,
        typer.Option(
            help="Train nothing; write the windows of each part of the split into this folder, as the FASTA files "
            "and labels that the public scripts of EPIVAN and its descendants read.",
        ),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train a network on labelled pairs; --out gets model, settings, history, test predictions and metrics."""
    if resume is not None:
        own = {"out": out, "continue": go_on, "export-triplets": export_triplets, "force": force}
        others = [*options.names(), *(name for name, given in own.items() if given)]
        if others:
            names = ", ".join(f"--{name}" for name in sorted(others))
            raise ConfigError(
                f"--resume takes no other option (given: {names}); the run's config.toml holds them."
            )
        from epidyn.training import resume as library_resume

        with told_how_to_go_on("train", "--resume", resume, once=resume / "config.toml"):
            library_resume(resume)
        return
    config = options.config()
    if export_triplets is not None:
        if out is not None or go_on:
            raise ConfigError("--export-triplets trains nothing; leave out --out and --continue.")
        from epidyn.training import export_triplets as library_export

        library_export(config, export_triplets, force=force)
        return
    if out is None:
        raise ConfigError("--out is missing: the run folder to make.")
    from epidyn.training import train as library_train
    from epidyn.training import train_or_resume

    with told_how_to_go_on("train", "--resume", out, once=out / "config.toml"):
        (train_or_resume if go_on else library_train)(config, out, force=force)
