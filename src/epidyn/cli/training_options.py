"""The options of a training run, written once for all commands that make one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

if TYPE_CHECKING:
    from epidyn.training.config import RunConfig

_SECTIONS = {
    "data": ("pairs", "genome", "kmer_vectors", "shuffle_labels", "shuffle_sequence"),
    "split": ("split", "fold", "validation", "pool"),
    "training": (
        "model",
        "protocol",
        "regime",
        "copies",
        "rc_augment",
        "epochs",
        "patience",
        "batch_size",
        "optimizer",
        "learning_rate",
        "max_steps",
        "seed",
        "init",
        "init_stem",
        "devices",
        "accelerator",
        "precision",
        "conv",
        "compile",
        "save_minutes",
    ),
    "motif_pairs": ("motifs", "score_cache"),
}


@dataclass(frozen=True)
class TrainingOptions:
    """The options of :func:`_declared` that the user gave, by parameter name."""

    given: Mapping[str, Any]

    def names(self) -> list[str]:
        """Return the options as the user spells them."""
        return ["set" if name == "assignments" else name.replace("_", "-") for name in self.given]

    def without(self, name: str) -> TrainingOptions:
        """Return the options but ``name``."""
        return TrainingOptions({key: value for key, value in self.given.items() if key != name})

    def config(self) -> RunConfig:
        """Build the run: --config, over it --set, over that the other options; files named from the root.

        Raises
        ------
        EpidynError
            If a file cannot be read, or a setting is unknown or out of range.
        """
        from epidyn.training.config import make_config, parse_assignments, read_settings, with_absolute_paths

        path, assignments = self.given.get("config"), self.given.get("assignments", [])
        layers = [read_settings(path) if path else {}, parse_assignments(assignments), _by_section(self.given)]
        start = _last(layers, "training", "init")
        if isinstance(start, str):
            from epidyn.training.inputs import init_network_settings

            layers.insert(0, {"network": init_network_settings(start)})
        return with_absolute_paths(make_config(*layers))


def _declared(
    pairs: Annotated[
        list[Path] | None,
        typer.Option(
            help="Labelled pair table: TargetFinder, BENGI, BEDPE, or our columns. Several times under --regime "
            "general."
        ),
    ] = None,
    genome: Annotated[str | None, typer.Option(help="FASTA, 2bit, or random:hg19[:SEED].")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings as TOML; a run folder's config.toml repeats it.")
    ] = None,
    kmer_vectors: Annotated[Path | None, typer.Option(help="6-mer vectors: .npy or word2vec text.")] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="random (default), chromosome:NAME,NAME, loco, chromosome-kfold:K, element-disjoint or column."
        ),
    ] = None,
    fold: Annotated[
        str | None, typer.Option(help="Under loco a chromosome, under chromosome-kfold:K a number from 0.")
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(help="auto (default), column, elements, pairs, samples, blocks or chromosome:NAME,NAME."),
    ] = None,
    model: Annotated[
        Literal["network", "motif-pairs", "both"] | None,
        typer.Option(
            help="The published network (default); motif-pairs, a small readable model of which motifs at the "
            "enhancer go with which at the promoter; or both, averaged."
        ),
    ] = None,
    motifs: Annotated[
        Path | None,
        typer.Option(
            help="Under --model motif-pairs or both: motifs in MEME format. Default: JASPAR's (extra motifs)."
        ),
    ] = None,
    score_cache: Annotated[
        Path | None,
        typer.Option(
            help="Under --model motif-pairs or both: folder that keeps the elements' motif scores for other "
            "runs. crossval and tune keep them in --out by themselves."
        ),
    ] = None,
    protocol: Annotated[
        Literal["default", "published"] | None,
        typer.Option(help="A named set of settings; other options win over it."),
    ] = None,
    regime: Annotated[
        Literal["specific", "general", "fine-tuned"] | None,
        typer.Option(
            help="One cell line (default), several pooled, or one that starts from a general model (--init)."
        ),
    ] = None,
    pool: Annotated[
        Literal["all", "strict"] | None,
        typer.Option(
            help="Under --regime general: strict trains on no pair whose enhancer or promoter another cell line "
            "tests. Default all."
        ),
    ] = None,
    copies: Annotated[
        str | None, typer.Option(help="Shifted copies of a training positive, or balanced (default).")
    ] = None,
    rc_augment: Annotated[
        bool, typer.Option("--rc-augment", help="Reverse-complement each window with probability 1/2.")
    ] = False,
    shuffle_labels: Annotated[
        bool, typer.Option("--shuffle-labels", help="Control: permute labels within chromosome and distance bin.")
    ] = False,
    shuffle_sequence: Annotated[
        Literal["dinucleotide"] | None,
        typer.Option(help="Control: shuffle each element's bases, keeping the counts of dinucleotides."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="At most; default 30.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a lower validation loss before it stops; default 5.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Over all devices; default 64.")] = None,
    optimizer: Annotated[
        Literal["NAdam", "Adam", "AdamW", "RMSprop"] | None, typer.Option(help="Default NAdam.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Default 0.001; under --regime fine-tuned 0.0001.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(help="Stop after this many steps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn; default 0.")] = None,
    init: Annotated[Path | None, typer.Option(help="Model file to start from.")] = None,
    init_stem: Annotated[
        str | None,
        typer.Option(
            help="Start the network's filters as binding motifs: jaspar (extra motifs), or a file in MEME format."
        ),
    ] = None,
    devices: Annotated[int | None, typer.Option(help="Number of GPUs, or of CPU processes; default 1.")] = None,
    accelerator: Annotated[Literal["auto", "cpu", "gpu"] | None, typer.Option(help="Default auto.")] = None,
    precision: Annotated[
        Literal["auto", "32", "bf16"] | None,
        typer.Option(help="Default auto: bf16 (mixed) on a GPU that computes it, otherwise 32."),
    ] = None,
    conv: Annotated[
        Literal["auto", "direct", "fft"] | None,
        typer.Option(
            help="How convolutions are computed; fft is for the CPU. Default auto: by kernel and device."
        ),
    ] = None,
    compile: Annotated[bool, typer.Option("--compile", help="Compile the network (GPU).")] = False,
    save_minutes: Annotated[float | None, typer.Option(help="Between saves within an epoch; default 5.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, as section.key=value, for example network.gru=false."),
    ] = None,
) -> None:
    """Declare the options; nothing calls it."""


def with_training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` these options beside its own; it takes those given as its first argument."""
    _, *own = inspect.signature(command).parameters.values()
    shared = inspect.signature(_declared).parameters
    hints = get_type_hints(_declared, include_extras=True) | get_type_hints(command, include_extras=True)

    @functools.wraps(command)
    def taking_options(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in shared}
        # 0 is given, though it equals False.
        given = {name: value for name, value in chosen.items() if value is not False and value not in (None, [])}
        command(TrainingOptions(given), **values)

    pairs, genome, *others = shared.values()  # what every run needs comes first in the help
    parameters = [
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in (pairs, genome, *own, *others)
    ]
    taking_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    taking_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return taking_options


def _last(layers: Sequence[Mapping[str, Any]], section: str, name: str) -> Any:
    """Return what the last layer that has a setting says; a section that is none is complained of later."""
    sections = [layer.get(section) for layer in layers]
    values = [each[name] for each in sections if isinstance(each, Mapping) and name in each]
    return values[-1] if values else None


def _by_section(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Sort options into the sections of a configuration."""
    values = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    if "pairs" in values:
        values["pairs"] = [str(path) for path in values["pairs"]]
    if values.get("copies", "").isdecimal():
        values["copies"] = int(values["copies"])
    return {
        section: {name: values[name] for name in names if name in values} for section, names in _SECTIONS.items()
    }
