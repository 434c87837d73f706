"""Everything that decides what a training run does; a TOML file with a section a group."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from epidyn.elements import Role
from epidyn.errors import ConfigError
from epidyn.fetch import located
from epidyn.files import open_text
from epidyn.matrices import JASPAR, RELEASE
from epidyn.motif_pairs import SCREENED, MotifPairsConfig
from epidyn.nn import NetworkConfig
from epidyn.nn.convolution import Conv
from epidyn.splits import TEST_FRACTION, VALIDATION_FRACTION
from epidyn.windows import DEFAULT_COPIES, DEFAULT_STEP

Settings = dict[str, dict[str, Any]]
Positive = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _text(value: object) -> object:
    """Take a whole number, as TOML reads the name of a fold, as text."""
    return str(value) if isinstance(value, int) else value


def _jaspar(value: object) -> object:
    """Take the name of the database in any spelling."""
    return JASPAR if isinstance(value, str) and value.lower() == JASPAR else value


def _tables(value: object) -> object:
    """Take one path as it is, several as a list; a list of one is that path."""
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
        raise ValueError(f"a path, or a list of paths, is needed (given: {value!r})")
    return paths[0] if len(paths) == 1 else paths


class DataConfig(_Section):
    """What is read."""

    pairs: Annotated[str | list[str], BeforeValidator(_tables)] = Field(
        description="pair table, or a list of several, each of other cell lines"
    )
    genome: str = Field(description="genome: FASTA, 2bit or random:hg19[:SEED]")
    kmer_vectors: str | None = Field(None, description="6-mer vectors, .npy (4097, dimensions) or word2vec text")
    shuffle_labels: bool = Field(False, description="control: permute labels within chromosome and distance bin")
    shuffle_sequence: Literal["dinucleotide"] | None = Field(
        None, description="control: shuffle each element's bases, keeping the counts of dinucleotides"
    )

    def tables(self) -> list[str]:
        """Return the paths of the pair tables."""
        return [self.pairs] if isinstance(self.pairs, str) else self.pairs


class SplitConfig(_Section):
    """Who is in which part; see :func:`epidyn.splits.make_split`."""

    split: str = "random"
    fold: Annotated[str | None, BeforeValidator(_text)] = None
    validation: str = "auto"
    pool: Literal["all", "strict"] = Field(
        "all",
        description="strict: no training on pairs of which another cell line tests the enhancer or the promoter",
    )
    test_fraction: float = Field(TEST_FRACTION, gt=0, lt=1)
    validation_fraction: float = Field(VALIDATION_FRACTION, gt=0, lt=1)


class TrainingConfig(_Section):
    """How the model is trained."""

    model: Literal["network", "motif-pairs", "both"] = Field("network", description="the kind of model")
    protocol: Literal["default", "published"] = Field("default", description="the set of settings it started from")
    regime: Literal["specific", "general", "fine-tuned"] = Field(
        "specific", description="one cell line, several pooled, or one after a model of several"
    )
    copies: Annotated[int, Field(ge=0, le=1000)] | Literal["balanced"] = Field(
        "balanced",
        description="shifted copies of a positive; balanced: round(negatives / positives), at most 20",
    )
    step: Positive = Field(DEFAULT_STEP, description="bases between neighbouring copies")
    rc_augment: bool = Field(False, description="reverse-complement each window with probability 1/2")
    epochs: Positive = 30
    patience: Positive = Field(5, description="epochs without a lower validation loss before it stops")
    batch_size: int = Field(64, ge=2, le=65536, description="over all devices")
    optimizer: Literal["NAdam", "Adam", "AdamW", "RMSprop"] = Field("NAdam", description="as torch.optim names it")
    learning_rate: float = Field(1e-3, gt=0, le=1)
    max_steps: Positive | None = Field(None, description="stop after this many steps")
    seed: int = Field(0, ge=0, lt=2**32)
    init: str | None = Field(None, description="model file to start from")
    init_stem: Annotated[str | None, BeforeValidator(_jaspar)] = Field(
        None, description="motifs that the network's filters start from: jaspar, or a file in minimal MEME format"
    )
    devices: Positive = 1
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    precision: Annotated[Literal["auto", "32", "bf16"], BeforeValidator(str)] = Field(
        "auto", description="32, bf16 (mixed), or auto: bf16 on a GPU that computes it, otherwise 32"
    )
    conv: Conv = Field(
        "auto", description="how convolutions are computed: direct, fft (CPU), or auto, by kernel and device"
    )
    compile: bool = Field(False, description="compile the network with torch.compile; GPU only")
    save_minutes: float = Field(5.0, ge=0, description="between saves within an epoch; 0 saves after every step")

    @model_validator(mode="after")
    def _starts_once(self) -> Self:
        if self.init is not None and self.init_stem is not None:
            raise ValueError("init_stem has no effect with init, whose model holds its own stem. Leave one out")
        return self

    @model_validator(mode="after")
    def _starts_from_a_model(self) -> Self:
        if self.regime == "fine-tuned" and not KINDS[self.model].network:
            raise ValueError(
                f"regime fine-tuned goes on with a network, and model {self.model} has none. Leave out --regime"
            )
        if self.regime == "fine-tuned" and self.init is None:
            raise ValueError("regime fine-tuned starts from a model of the general regime; give it as --init")
        return self


class MotifPairsSettings(MotifPairsConfig):
    """What a model of motif pairs reads, and what it is chosen from."""

    motifs: str | None = Field(None, description="file in minimal MEME format; none: those of JASPAR")
    jaspar_release: str = RELEASE
    jaspar_collections: tuple[str, ...] = ("CORE",)
    screened: Annotated[int, Field(ge=1, le=100_000)] = Field(
        SCREENED, description="products of two motifs that are not dropped before the fit"
    )
    score_cache: str | None = Field(None, description="folder that keeps the elements' scores for other runs")


# What no model but a network heeds; of what it does heed, a run of another model says nothing else than this.
_OF_NETWORKS: dict[str, Any] = {
    "copies": 0,
    "rc_augment": False,
    "init": None,
    "init_stem": None,
    "devices": 1,
    "accelerator": "cpu",
    "precision": "32",
    "conv": "auto",
    "compile": False,
}
_PACE = ("epochs", "patience", "batch_size", "optimizer", "learning_rate", "max_steps", "save_minutes")


class Kind(NamedTuple):
    """What a kind of model heeds of a run's settings.

    Attributes
    ----------
    sections
        Those of models that it reads; the first says how long the windows are, and the others must say the same.
    network
        Whether a network is trained, with copies of positives, step by step.
    """

    sections: tuple[str, ...]
    network: bool


KINDS = {
    "network": Kind(("network",), network=True),
    "motif-pairs": Kind(("motif_pairs",), network=False),
    "both": Kind(("network", "motif_pairs"), network=True),
}


# Settings that say where files are. What comes of a run follows from what is in them.
PATHS = frozenset(
    {
        "data.pairs",
        "data.genome",
        "data.kmer_vectors",
        "training.init",
        "training.init_stem",
        "motif_pairs.motifs",
        "motif_pairs.score_cache",
    }
)
_COMPUTING = ("devices", "accelerator", "precision", "conv", "compile", "save_minutes")
# What may be changed in the settings of a run that is gone on with: where its files are, whose contents are
# compared; how long it may take; and what computes it, and how.
MAY_CHANGE = PATHS | {f"training.{name}" for name in ("epochs", *_COMPUTING)}


class RunConfig(_Section):
    """One training run."""

    data: DataConfig
    split: SplitConfig = SplitConfig()
    training: TrainingConfig = TrainingConfig()
    network: NetworkConfig = NetworkConfig()
    motif_pairs: MotifPairsSettings = MotifPairsSettings()

    @property
    def kind(self) -> Kind:
        """What the kind of model heeds."""
        return KINDS[self.training.model]

    @model_validator(mode="after")
    def _models_go_together(self) -> Self:
        if len(self.kind.sections) == 1:
            return self
        of = {name: self._lengths(name) for name in self.kind.sections}
        if len({tuple(each.values()) for each in of.values()}) > 1:
            words = ", ".join(f"{name} {list(each.values())}" for name, each in of.items())
            raise ValueError(
                f"both models must read the same windows; enhancer_length and promoter_length are: {words}"
            )
        if self.split.validation == "samples":
            raise ValueError(
                "split.validation samples leaves no pair that the network has not seen to choose the weight by. "
                "Give another --validation, such as auto"
            )
        return self

    @model_validator(mode="after")
    def _heeds_what_it_says(self) -> Self:
        idle = self._idle()
        if idle:
            raise ValueError(
                f"of no effect with training.model {self.training.model}: {', '.join(idle)}. Leave it out"
            )
        return self

    def _idle(self) -> list[str]:
        """Return the settings that the kind of model does not heed, of those that are not at their defaults."""
        sections: dict[str, BaseModel] = {"network": self.network, "motif_pairs": self.motif_pairs}
        idle = [
            f"{name}.{key}"
            for name, given in sections.items()
            if name not in self.kind.sections
            for key in _departing(given, type(given)())
        ]
        if self.kind.network:
            return idle
        usual = {**{name: getattr(TrainingConfig(), name) for name in _PACE}, **_OF_NETWORKS}
        idle += [f"training.{name}" for name, value in usual.items() if getattr(self.training, name) != value]
        return idle + ["data.kmer_vectors"] * (self.data.kmer_vectors is not None)

    def heeded(self) -> dict[str, Any]:
        """Return the training settings, and those of other models than networks, as far as the run heeds them."""
        idle = set() if self.kind.network else {*_OF_NETWORKS, *_PACE, "step"}
        heeded = self.training.model_dump(exclude=idle)
        if "motif_pairs" in self.kind.sections:
            pairs = self.motif_pairs.model_dump(mode="json")
            heeded |= {f"motif_pairs.{name}": value for name, value in pairs.items()}
        return heeded

    def _lengths(self, section: str) -> dict[Role, int]:
        reads = getattr(self, section)
        return {"enhancer": reads.enhancer_length, "promoter": reads.promoter_length}

    @property
    def lengths(self) -> dict[Role, int]:
        """Window lengths in bases."""
        return self._lengths(self.kind.sections[0])

    def sharing(self, folder: Path) -> RunConfig:
        """Return the run with ``folder`` for what runs on the same elements need not compute twice."""
        if "motif_pairs" not in self.kind.sections or self.motif_pairs.score_cache is not None:
            return self
        pairs = self.motif_pairs.model_copy(update={"score_cache": str(folder.resolve())})
        return self.model_copy(update={"motif_pairs": pairs})

    def of_motif_pairs(self) -> RunConfig:
        """Return the run that trains motif pairs alone on the same data."""
        training = TrainingConfig(model="motif-pairs", seed=self.training.seed, **_OF_NETWORKS)
        data = self.data.model_copy(update={"kmer_vectors": None})
        return RunConfig(data=data, split=self.split, training=training, motif_pairs=self.motif_pairs)

    def controls(self) -> dict[str, Any]:
        """Return which controls make the data meaningless, as metrics and model file record it."""
        return {
            "shuffle_labels": self.data.shuffle_labels,
            "shuffle_sequence": self.data.shuffle_sequence,
            "random_genome": self.data.genome.startswith("random:"),
        }

    def to_toml(self) -> str:
        """Return the run as TOML that :func:`read_settings` takes; what is None is left out."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))


# Section 9 of the design: what the article states, with validation drawn as its authors' line of work does.
PUBLISHED: Settings = {
    "data": {"shuffle_labels": False, "shuffle_sequence": None},
    "split": {"split": "random", "validation": "samples", "test_fraction": 0.1, "validation_fraction": 0.05},
    "training": {
        "protocol": "published",
        "model": "network",
        "copies": DEFAULT_COPIES,
        "step": DEFAULT_STEP,
        "rc_augment": False,
        "epochs": 30,
        "patience": 5,
        "batch_size": 64,
        "optimizer": "NAdam",
        "learning_rate": 1e-3,
        "precision": "32",
    },
    "network": NetworkConfig().model_dump(),
}
WITHOUT_NETWORK: Settings = {
    "training": {name: value for name, value in _OF_NETWORKS.items() if value is not None}
}
FINE_TUNED: Settings = {"training": {"learning_rate": 1e-4}}


def read_settings(path: str | os.PathLike[str]) -> Settings:
    """Read a configuration file as plain settings, not yet checked.

    Raises
    ------
    InputFileError
        If the file is missing or empty.
    ConfigError
        If it is no TOML.
    """
    with open_text(path, "configuration") as handle:
        text = handle.read()
    try:
        return parse_settings(text)
    except ConfigError as error:
        raise ConfigError(f"configuration {path} {error}") from error


def parse_settings(text: str) -> Settings:
    """Read TOML as plain settings, not yet checked; ConfigError if it is none."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # no TOML, or numbers or nesting without end
        raise ConfigError(f"is no TOML: {error}.") from error


def parse_assignments(assignments: list[str]) -> Settings:
    """Turn ``section.key=value`` into settings; a value that is no TOML is text.

    Raises
    ------
    ConfigError
        If an assignment has another form.
    """
    settings: Settings = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (equals and dot and key):
            raise ConfigError(f"--set {assignment!r} must read section.key=value, for example network.gru=false.")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            value = text.strip()
        settings.setdefault(section, {})[key] = value
    return settings


def make_config(*layers: Mapping[str, Mapping[str, Any]]) -> RunConfig:
    """Build a run from layers of settings, later ones winning, on top of the protocol and the regime they name.

    Raises
    ------
    ConfigError
        If a section or key is unknown or a value out of range; all complaints are listed.
    """
    merged: Settings = {}
    for layer in layers:
        for section, values in layer.items():
            if not isinstance(values, Mapping):
                raise ConfigError(f"setting {section!r} stands outside a section; known sections: {_sections()}.")
            merged.setdefault(section, {}).update(values)
    base = _base(merged.get("training", {}))
    merged = {**merged, **{name: {**values, **merged.get(name, {})} for name, values in base.items()}}
    try:
        return RunConfig.model_validate(merged)
    except ValidationError as error:
        # A setting of several types complains once for each of them.
        complaints = dict.fromkeys(_complaint(fault) for fault in error.errors())
        raise ConfigError("these settings cannot be used:", list(complaints)) from error


def with_absolute_paths(config: RunConfig) -> RunConfig:
    """Return the run with its files named from the root, so that it can be resumed from any folder."""
    data = config.data
    tables = [_absolute(path) for path in data.tables()]
    changed = {"pairs": _tables(tables), "genome": _absolute_genome(data.genome)}
    if data.kmer_vectors is not None:
        changed["kmer_vectors"] = _absolute(data.kmer_vectors)
    training = config.training
    if training.init is not None:
        training = training.model_copy(update={"init": _absolute(training.init)})
    if training.init_stem is not None and training.init_stem != JASPAR:
        training = training.model_copy(update={"init_stem": _absolute(training.init_stem)})
    pairs = config.motif_pairs
    if pairs.motifs is not None:
        pairs = pairs.model_copy(update={"motifs": _absolute(pairs.motifs)})
    if pairs.score_cache is not None:
        pairs = pairs.model_copy(update={"score_cache": str(Path(pairs.score_cache).resolve())})
    return config.model_copy(
        update={"data": data.model_copy(update=changed), "training": training, "motif_pairs": pairs}
    )


def departures(config: RunConfig) -> list[str]:
    """Return how a run differs from the protocol that it names, ``section.key: value (protocol value)``."""
    if config.training.protocol != "published":
        return []
    chosen = config.model_dump()
    own = [] if config.data.kmer_vectors else ["data.kmer_vectors: none (published: dna2vec's)"]
    unset = ("max_steps", "init_stem", *(("init",) if config.training.regime != "fine-tuned" else ()))
    for name in unset:
        if chosen["training"][name] is not None:
            own.append(f"training.{name}: {chosen['training'][name]} (published: none)")
    return own + [
        f"{section}.{key}: {chosen[section][key]} (published: {value})"
        for section, values in _base({**chosen["training"], "model": "network"}).items()
        for key, value in values.items()
        if chosen[section][key] != value
    ]


def require_same(begun: RunConfig, asked: RunConfig, folder: Path, *, but_for: Collection[str] = ()) -> None:
    """Raise ConfigError, naming what differs, unless ``folder`` was begun with the settings asked for.

    ``but_for`` are names, ``section.key``, of settings that may differ.
    """
    then, now = begun.model_dump(), asked.model_dump()
    differing = [
        f"{section}.{key}: {now[section][key]} (begun with {value})"
        for section, values in then.items()
        for key, value in values.items()
        if now[section][key] != value and f"{section}.{key}" not in but_for
    ]
    if differing:
        raise ConfigError(
            f"{folder} was begun with other settings. Give those, another --out, or --force to begin anew:",
            differing,
        )


def _departing(given: BaseModel, usual: BaseModel) -> list[str]:
    return [name for name in type(usual).model_fields if getattr(given, name) != getattr(usual, name)]


def _base(training: Mapping[str, Any]) -> Settings:
    """Return what protocol, regime and kind of model set where nothing else does; the later of these win."""
    base: Settings = {}
    for applies, settings in (
        (training.get("protocol") == "published", PUBLISHED),
        (training.get("regime") == "fine-tuned", FINE_TUNED),
        (training.get("model") in [name for name, kind in KINDS.items() if not kind.network], WITHOUT_NETWORK),
    ):
        if applies:
            base = {**base, **{name: {**base.get(name, {}), **values} for name, values in settings.items()}}
    return base


def _absolute(path: str) -> str:
    return str(located(path).resolve())


def _absolute_genome(spec: str) -> str:
    """A path as an absolute one, also the size table in ``random:FILE[:SEED]``."""
    if not spec.startswith("random:"):
        return _absolute(spec)
    table, colon, seed = spec.removeprefix("random:").partition(":")
    return f"random:{_absolute(table)}{colon}{seed}" if Path(table).is_file() else spec


def _sections() -> str:
    return ", ".join(RunConfig.model_fields)


def _complaint(fault: Any) -> str:
    path = [str(part) for part in fault["loc"][:2]]  # what follows names the type that was tried
    if path == ["training", "copies"]:
        return (
            f"training.copies: a whole number from 0 to 1000 or 'balanced' is needed (given: {fault['input']!r})"
        )
    name = ".".join(path) or "settings"
    if fault["type"] == "extra_forbidden":
        section = RunConfig.model_fields.get(path[0])
        known = (
            section.annotation.model_fields
            if section and len(path) > 1 and section.annotation
            else RunConfig.model_fields
        )
        return f"{name} is unknown; known are {', '.join(known)}"
    if fault["type"] == "missing":
        option = f"--{path[-1].replace('_', '-')}" if len(path) > 1 else "a section"
        return f"{name}: it is missing; give it as {option}, or in a configuration file"
    given = "" if fault["type"] == "value_error" else f" (given: {fault['input']!r})"
    return f"{name}: {fault['msg'].removeprefix('Value error, ')}{given}"
