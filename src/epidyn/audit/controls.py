"""Networks trained on a table that was deprived of something: what they still score comes from elsewhere.

Training needs torch; nothing else of the audit does, so what trains is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from epidyn.audit.report import FILES
from epidyn.audit.run import Audit
from epidyn.errors import ConfigError
from epidyn.evaluation import evaluate
from epidyn.files import write_text
from epidyn.genome import Genome
from epidyn.metrics import Interval
from epidyn.scores import read_scores

if TYPE_CHECKING:
    from epidyn.training.config import RunConfig

# What each leaves to learn from.
CONTROLS = {
    "random-genome": "meaningless bases at the same coordinates: what tells elements from each other is left",
    "shuffle-sequence": "each element's bases shuffled: composition and what tells elements apart are left",
    "shuffle-labels": "labels permuted within chromosome and distance bin: only how common they are there is left",
}
FOLDER = "controls"


@dataclass(frozen=True)
class Control:
    """What a network scored under a control.

    Attributes
    ----------
    name, leaves
        Which control, and what it leaves to learn from.
    split
        Of the table it trained on.
    pairs, positives
        In the test part.
    scores
        AUROC and AUPR there, with 95% intervals.
    """

    name: str
    leaves: str
    split: str
    pairs: int
    positives: int
    scores: dict[str, Interval]


def check_controls(names: Sequence[str]) -> None:
    """Raise ConfigError unless all ``names`` are known controls."""
    unknown = [name for name in names if name not in CONTROLS]
    if unknown:
        raise ConfigError(f"--controls {', '.join(unknown)}: unknown; allowed are {', '.join(CONTROLS)}.")


def is_ours(out: Path) -> bool:
    """Tell whether a folder holds an audit with controls, or what a killed one left, and nothing else."""
    begun = (out / FOLDER).is_dir() and all(
        (run / "config.toml").is_file() for run in (out / FOLDER).iterdir() if run.is_dir()
    )
    return begun and {path.name for path in out.iterdir()} <= {FOLDER, *FILES}


def run_controls(names: Sequence[str], config: RunConfig, out: Path, *, force: bool = False) -> list[Control]:
    """Train and test a network under each control, in a run folder ``out/controls/NAME``.

    One that is there, begun with the same settings, is gone on with.

    Parameters
    ----------
    names
        Of ``CONTROLS``.
    config
        The run without a control: table, genome, split, training.
    out
        The audit's folder.
    force
        Train anew what is there.

    Raises
    ------
    ConfigError
        If a name is unknown, or a run folder was begun with other settings, without ``force``.
    EpidynError
        As training raises it.
    """
    from epidyn.training import train, train_or_resume
    from epidyn.training.folder import RunFolder

    check_controls(names)
    found = []
    for name in dict.fromkeys(names):
        run = RunFolder(out / FOLDER / name)
        run.path.mkdir(parents=True, exist_ok=True)
        controlled = _controlled(name, config, run.path.parent)
        (train if force else train_or_resume)(controlled, run.path, force=force)
        scored = read_scores(run / run.PREDICTIONS)
        found.append(
            Control(
                name,
                CONTROLS[name],
                config.split.split,
                len(scored),
                int(scored["label"].sum()),
                evaluate(scored).intervals,
            )
        )
    return found


def with_controls(audit: Audit, controls: Sequence[Control]) -> Audit:
    """Return the audit with what controls found, and a sentence for each in its verdict."""
    sentences = [*audit.verdict.sentences, *map(_sentence, controls)]
    return replace(audit, controls=list(controls), verdict=replace(audit.verdict, sentences=sentences))


def _controlled(name: str, config: RunConfig, folder: Path) -> RunConfig:
    if name == "random-genome":
        with Genome.open(config.data.genome) as genome:
            sizes = "".join(f"{chrom}\t{size}\n" for chrom, size in genome.sizes.items())
        write_text(folder / "genome.chrom.sizes", sizes)
        changed: dict[str, object] = {"genome": f"random:{folder / 'genome.chrom.sizes'}:{config.training.seed}"}
    elif name == "shuffle-sequence":
        changed = {"shuffle_sequence": "dinucleotide"}
    else:
        changed = {"shuffle_labels": True}
    return config.model_copy(update={"data": config.data.model_copy(update=changed)})


def _sentence(control: Control) -> str:
    auroc, aupr = control.scores["auroc"], control.scores["aupr"]
    scored = (
        f"Control {control.name} ({control.leaves}): on the split {control.split} a network scores AUROC "
        f"{auroc.value:.3f} ({auroc.low:.3f} to {auroc.high:.3f}) and AUPR {aupr.value:.3f}, chance being 0.5 and "
        f"{control.positives / control.pairs:.3f}"
    )
    if auroc.low <= 0.5:
        return f"{scored}: no more than chance."
    if control.name == "shuffle-labels":
        return f"{scored}: more than those rates should give. Look for copies of pairs in the table."
    return f"{scored}: more than chance, and none of it is read from motifs."
