"""``epidyn tune``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Literal

import typer

from epidyn.cli.options import Force, Quiet
from epidyn.cli.training_options import TrainingOptions, with_training_options
from epidyn.errors import ConfigError


@with_training_options
def tune(
    options: TrainingOptions,
    out: Annotated[Path, typer.Option(help="Folder for the results; called again it goes on.")],
    trials: Annotated[int, typer.Option(min=1, help="Finished trials of the study, over all processes.")],
    study: Annotated[
        Path | None,
        typer.Option(help="Study that processes share: .db (SQLite) or .journal. Default study.journal in --out."),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(help="What is searched, as TOML; default the paper's space, or one for motif pairs."),
    ] = None,
    objective: Annotated[
        Literal["val_loss", "val_auroc", "val_aupr"],
        typer.Option(help="What is made best, on the validation part."),
    ] = "val_loss",
    pruner: Annotated[
        Literal["none", "median", "hyperband"], typer.Option(help="Who ends hopeless trials early.")
    ] = "median",
    jobs: Annotated[int, typer.Option(min=1, help="Trials at a time, each in a process.")] = 1,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Search settings by their validation score; --out gets best.toml for train --config, all trials and figures.

    Other options are those of train, for every trial. Several processes or machines may work on one --study.
    """
    if any(importlib.util.find_spec(name) is None for name in ("optuna", "filelock")):
        raise ConfigError("epidyn tune needs Optuna. Install it: pip install 'epidyn[tune]'.")
    from epidyn.tuning import read_space
    from epidyn.tuning import tune as library_tune

    config = options.config()
    found = library_tune(
        config,
        out,
        trials=trials,
        study=study,
        space=None if space is None else read_space(space),
        objective=objective,
        pruner=pruner,
        jobs=jobs,
        force=force,
    )
    print(f"best settings: {found / found.BEST}")
    print(f"all trials: {found / found.TRIALS}")
