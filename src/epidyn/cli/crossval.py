"""``epidyn crossval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epidyn.cli.options import Force, Quiet, told_how_to_go_on
from epidyn.cli.training_options import TrainingOptions, with_training_options
from epidyn.errors import ConfigError

if TYPE_CHECKING:
    from epidyn.crossval import Crossvalidation


@with_training_options
def crossval(
    options: TrainingOptions,
    out: Annotated[Path, typer.Option(help="Folder to make, or to go on with.")],
    jobs: Annotated[int, typer.Option(min=1, help="Folds that run at a time.")] = 1,
    begin: Annotated[
        bool, typer.Option("--begin", help="Only make the folder and print the folds' names, for a scheduler.")
    ] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Only put finished folds together.")] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train and test over held-out chromosomes (--split loco or chromosome-kfold:K): one table of all folds.

    Called again with the same --out it goes on where it was stopped; the settings may then be left out. On a
    cluster: --begin once, --out DIR --fold NAME for each fold on any node, --merge at the end.
    """
    from epidyn import crossval as library

    fold = options.given.get("fold")
    if sum([begin, merge, fold is not None, jobs > 1]) > 1:
        raise ConfigError("--begin, --merge, --fold and --jobs exclude one another. Give one of them.")
    settings = options.without("fold")
    if merge:
        if settings.given or force:
            raise ConfigError("--merge takes --out alone; the folder holds the settings.")
        _print(library.merge(out))
        return
    config = settings.config() if settings.given else None
    plan = out / library.CrossvalFolder.PLAN
    if begin:
        print("\n".join(library.begin(config, out, force=force)))
    elif fold is not None:
        library.begin(config, out)
        with told_how_to_go_on("crossval", "--out", out, "--fold", fold, once=plan):
            library.run_fold(out, fold, force=force)
    else:
        with told_how_to_go_on("crossval", "--out", out, *(["--jobs", jobs] if jobs > 1 else []), once=plan):
            found = library.crossval(config, out, jobs=jobs, force=force)
        _print(found)


def _print(found: Crossvalidation) -> None:
    from epidyn.cli.tables import interval_text
    from epidyn.crossval import CrossvalFolder

    counts = {name: found.table[name].astype(object).fillna("-") for name in ("pairs", "positives")}
    print(found.table.assign(**counts).to_string(index=False, float_format="{:.4f}".format, na_rep="-"))
    for name, interval in found.intervals.items():
        print(f"pooled {name.upper()} {interval_text(interval)}")
    print(f"predictions of all folds: {found.folder / CrossvalFolder.PREDICTIONS}")
