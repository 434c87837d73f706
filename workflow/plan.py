"""What the workflow runs: from its configuration to runs, their options and their files.

Each run is one `epidyn` command. A run that several experiments need has one folder, so it is made once.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

ALL = "all"
USUAL = "usual"
CONTROL = "random-genome"

# What the report reads of a run, and of a cross-validation.
RUN_FILES = ("config.toml", "metrics.json", "model.safetensors", "predictions.tsv")
LOCO_FILES = ("config.toml", "folds.tsv", "metrics.json")
EXPLAIN_FILES = ("pairs.tsv", "effects.tsv.gz", "explain.json")
FOLD_FILES = ("config.toml", "metrics.json", "predictions.tsv", "split.tsv")

Files = Mapping[str, Sequence[str]]

Name = Literal[
    "architecture",
    "fusion",
    "oversampling",
    "optimisers",
    "cross-line",
    "regimes",
    "loco",
    "bengi",
    "complexity",
    "motifs",
]


def _switches(**settings: str) -> str:
    return " ".join(f"--set network.{name}={value}" for name, value in settings.items())


# The article's Tables 2 and 3; the eighth is the usual network.
ARCHITECTURES = {
    "cnn": _switches(transformer="false", gru="false", cbam="false"),
    "cnn-transformer": _switches(gru="false", cbam="false"),
    "cnn-cbam": _switches(transformer="false", gru="false"),
    "cnn-bigru": _switches(transformer="false", cbam="false"),
    "cnn-transformer-bigru": _switches(fusion="none", cbam="false"),
    "cnn-transformer-bigru-cbam": _switches(fusion="none"),
    "cnn-transformer-bigru-dynfusion": _switches(cbam="false"),
}
FUSIONS = {f"fusion-{name}": _switches(fusion=name) for name in ("fixed", "concatenation", "attention")}
OPTIMISERS = {f"optimiser-{name}": f"--optimizer {name}" for name in ("Adam", "RMSprop")}
# Regimes: pooled lines, and one line that starts from them. `strict`: see `epidyn train --pool`.
GENERAL = {"general": "", "general-strict": "--pool strict"}
FINE_TUNED = {"fine-tuned": "general", "fine-tuned-strict": "general-strict"}


class Settings(BaseModel):
    """The workflow's configuration; workflow/README.md says what each means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    out: str = "results"
    genome: str
    control_genome: str | None = None
    lines: dict[str, str] = Field(min_length=1)
    bengi: dict[str, str] = {}
    kmer_vectors: str | None = None
    protocol: Literal["default", "published"] = "published"
    settings: dict[str, str | int | float] = {}
    experiments: list[Name] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    loco_seeds: list[int] = [0]
    copies: int | Literal["balanced"]
    oversampling: list[int] = []
    audit_splits: int = Field(20, ge=2)
    gpu: int = Field(0, ge=0)
    threads: int = Field(1, ge=1)
    train_minutes: int = Field(120, ge=1)
    explain: dict[str, str | int | float] = {"label": 1}
    find_motifs: dict[str, str | int | float] = {}
    simulate: dict[str, str | int | float] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if "regimes" in self.experiments and len(self.lines) < 2:
            raise ValueError("the experiment regimes pools cell lines; lines names one")
        if "bengi" in self.experiments and not self.bengi:
            raise ValueError("the experiment bengi needs tables under bengi")
        if ALL in self.lines or set(self.lines) & set(self.bengi):
            raise ValueError(f"lines and bengi must have names of their own, none of them {ALL!r}")
        if not self.random and self.control_genome is None:
            raise ValueError(
                "control_genome is missing: random:hg19, or random:FILE with the genome's names and sizes"
            )
        return self

    @property
    def random(self) -> bool:
        """Whether the genome is the control itself, so that no other control is needed."""
        return self.genome.startswith("random:")

    def tables(self) -> dict[str, str]:
        """Return the pair table of each line and each BENGI set."""
        return {**self.lines, **(self.bengi if "bengi" in self.experiments else {})}


@dataclass(frozen=True)
class Run:
    """One training run: a line or ``all``, what is changed about the usual settings, and a seed."""

    line: str
    variant: str
    seed: int

    def folder(self, out: str) -> str:
        """Return its run folder."""
        return f"{out}/runs/{self.line}/{self.variant}/{self.seed}"


def read(config: Mapping[str, Any]) -> Settings:
    """Return the settings of a configuration.

    Raises
    ------
    ValueError
        If a key is unknown or missing, or a value cannot be; all are named.
    """
    try:
        return Settings.model_validate(dict(config))
    except ValidationError as error:
        faults = [f"  {'.'.join(map(str, each['loc'])) or 'as a whole'}: {each['msg']}" for each in error.errors()]
        raise ValueError("\n".join(["the workflow's configuration cannot be used:", *faults])) from None


def variants(settings: Settings) -> dict[str, str]:
    """Return the options of each variant of a run on one line, without the regimes."""
    copies = {f"copies-{number}": f"--copies {number}" for number in settings.oversampling}
    copies.pop(f"copies-{settings.copies}", None)  # that is the usual run
    of = {
        "architecture": ARCHITECTURES,
        "fusion": FUSIONS,
        "oversampling": copies,
        "optimisers": OPTIMISERS,
        "complexity": {"cnn-transformer": ARCHITECTURES["cnn-transformer"]},
    }
    found = {USUAL: ""}
    for name in settings.experiments:
        found |= of.get(name, {})
    return found


def runs(settings: Settings) -> list[Run]:
    """Return all training runs, each once."""
    return [Run(line, variant, seed) for seed in settings.seeds for line, variant in _runs_of_a_seed(settings)]


def _runs_of_a_seed(settings: Settings) -> Iterator[tuple[str, str]]:
    controls = not settings.random
    for line in settings.lines:
        yield from ((line, variant) for variant in variants(settings))
        if controls:
            yield line, CONTROL
    if "regimes" in settings.experiments:
        for regime, lines in ((GENERAL, [ALL]), (FINE_TUNED, list(settings.lines))):
            for line in lines:
                yield from ((line, variant) for variant in regime)
                if controls:
                    yield line, f"{next(iter(regime))}-{CONTROL}"
    if "bengi" in settings.experiments:
        for line in settings.bengi:
            yield line, USUAL
            if controls:
                yield line, CONTROL


def start(run: Run) -> Run | None:
    """Return the general run that a fine-tuned one starts from; None for any other."""
    plain, control = _plain(run.variant)
    if plain not in FINE_TUNED:
        return None
    return Run(ALL, FINE_TUNED[plain] + (f"-{CONTROL}" if control else ""), run.seed)


def inputs(settings: Settings, run: Run) -> Files:
    """Return the files that a run reads: ``pairs``, ``genome``, ``vectors`` and ``model``, each a list."""
    tables = list(settings.lines.values()) if run.line == ALL else [settings.tables()[run.line]]
    begun = start(run)
    return {
        "pairs": tables,
        "genome": genome_files(_genome(settings, run)),
        "vectors": vectors(settings) if begun is None else [],  # else they come with the model
        "model": [] if begun is None else [f"{begun.folder(settings.out)}/model.safetensors"],
    }


def options(settings: Settings, run: Run, files: Files) -> str:
    """Return the options of a run's `epidyn train`, without --out.

    ``files`` are :func:`inputs`, wherever they lie on the machine that runs it.
    """
    plain, _ = _plain(run.variant)
    given = [f"--split random --seed {run.seed}"]
    if not plain.startswith("copies-"):
        # BENGI's tables have fewer negatives a positive, and its rule is the balanced one.
        given.append(f"--copies {'balanced' if run.line in settings.bengi else settings.copies}")
    if files["model"]:
        given.append(f"--regime fine-tuned --init {shlex.quote(files['model'][0])}")
    elif run.line == ALL:
        given.append(f"--regime general {GENERAL[plain]}".rstrip())
    elif plain != USUAL:
        given.append(variants(settings)[plain])
    return " ".join([_common(settings, _genome(settings, run), files), *given])


def loco_inputs(settings: Settings, line: str) -> Files:
    """Return the files that a cross-validation of one line reads."""
    return inputs(settings, Run(line, USUAL, 0))


def loco_options(settings: Settings, line: str, seed: int, files: Files) -> str:
    """Return the options of `epidyn crossval` that leaves out a chromosome of one line at a time."""
    copies = "balanced" if line in settings.bengi else settings.copies
    return f"{_common(settings, settings.genome, files)} --split loco --seed {seed} --copies {copies}"


def genome_files(genome: str) -> list[str]:
    """Return the file behind the name of a genome, if there is one: also the sizes of a random genome."""
    if not genome.startswith("random:"):
        return [genome]
    table = genome.split(":")[1]
    return [table] if Path(table).suffix else []


def genome_name(genome: str, files: Sequence[str]) -> str:
    """Return the name of a genome whose file, if it has one, lies at ``files[0]``."""
    return genome.replace(genome_files(genome)[0], str(files[0])) if files else genome


def vectors(settings: Settings) -> list[str]:
    """Return the file of k-mer vectors, if one is given."""
    return [settings.kmer_vectors] if settings.kmer_vectors else []


def simulated(settings: Settings) -> list[str]:
    """Return the tables and genome files that the simulation makes, if there is one."""
    if settings.simulate is None:
        return []
    genomes = [settings.genome, settings.control_genome or settings.genome]
    return [*settings.tables().values(), *dict.fromkeys(file for name in genomes for file in genome_files(name))]


def as_options(given: Mapping[str, str | int | float] | None) -> str:
    """Return settings that have the names of a command's options as these options."""
    given = given or {}
    return " ".join(f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in given.items())


def across(settings: Settings) -> list[str]:
    """Return the scores of each line's test pairs by each other line's model."""
    if "cross-line" not in settings.experiments:
        return []
    return [
        f"{settings.out}/across/{model}_on_{line}_{seed}.tsv"
        for seed in settings.seeds
        for model in settings.lines
        for line in settings.lines
        if model != line
    ]


def loco(settings: Settings) -> list[tuple[str, int]]:
    """Return line and seed of each cross-validation over chromosomes."""
    lines = list(settings.lines) if "loco" in settings.experiments else []
    lines += list(settings.bengi) if "bengi" in settings.experiments else []
    return [(line, seed) for line in lines for seed in settings.loco_seeds]


def motifs(settings: Settings) -> list[str]:
    """Return the folders of motifs: of each line's usual network, as the article's Figure 12."""
    lines = settings.lines if "motifs" in settings.experiments else []
    return [f"{settings.out}/motifs/{line}/{seed}" for seed in settings.seeds for line in lines]


def results(settings: Settings) -> list[str]:
    """Return the files that the report reads."""
    out = settings.out
    files = [
        *(f"{run.folder(out)}/{name}" for run in runs(settings) for name in RUN_FILES),
        *(f"{out}/loco/{line}/{seed}/{name}" for line, seed in loco(settings) for name in LOCO_FILES),
        *(f"{out}/audits/{line}/audit.json" for line in settings.tables()),
    ]
    files += motifs(settings)
    return files + [f"{table}{more}" for table in across(settings) for more in ("", ".json")]


def folders(files: Iterable[str]) -> list[str]:
    """Return the folders that files lie in, each once."""
    return sorted({str(Path(file).parent) for file in files})


def folds(table: str) -> list[str]:
    """Return the names of a cross-validation's folds from its ``folds.tsv``."""
    with Path(table).open(encoding="utf-8") as handle:
        return [line.split("\t")[0] for line in handle][1:]


def minutes(settings: Settings, run: Run) -> int:
    """Return the time to ask a cluster for: the pooled run has the pairs of all lines."""
    return settings.train_minutes * (len(settings.lines) if run.line == ALL else 1)


def _plain(variant: str) -> tuple[str, bool]:
    """Return a variant without its control, and whether it is one."""
    if variant == CONTROL:
        return USUAL, True
    plain = variant.removesuffix(f"-{CONTROL}")
    return plain, plain != variant


def _genome(settings: Settings, run: Run) -> str:
    """Return the name of the genome that a run reads."""
    if not _plain(run.variant)[1]:
        return settings.genome
    assert settings.control_genome is not None  # read() saw to it
    return settings.control_genome


def _common(settings: Settings, genome: str, files: Files) -> str:
    """Return the options that name files, and the settings of all runs."""
    parts = [*(f"--pairs {shlex.quote(table)}" for table in files["pairs"])]
    parts.append(f"--genome {shlex.quote(genome_name(genome, files['genome']))}")
    parts += [f"--kmer-vectors {shlex.quote(file)}" for file in files["vectors"]]
    if settings.protocol != "default":
        parts.append(f"--protocol {settings.protocol}")
    assignments = (f"{name}={value}" for name, value in settings.settings.items())
    return " ".join([*parts, *(f"--set {shlex.quote(each)}" for each in assignments)])
