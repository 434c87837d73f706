"""The settings of a simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from epidyn.errors import ConfigError
from epidyn.simulate.motifs import load_motifs

RULES = ("presence", "pairing", "propensity")

Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
_LINE = r"[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]{1,6})?"
Window = Annotated[int, Field(ge=100, le=100_000)]


class SimulationConfig(BaseModel):
    """What is simulated. Unknown keys are refused; :func:`configure` makes one with our own errors.

    ``presence``, ``pairing`` and ``propensity`` are weights: each promoter, with all its pairs, follows one
    rule, drawn by weight (they need not add up to 1).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chromosomes: int = Field(8, ge=1, le=1000, description="chromosomes, called chr1, chr2, ...")
    pairs_per_chromosome: int = Field(300, ge=1, le=1_000_000, description="pairs on each chromosome")
    positive_fraction: float = Field(0.5, gt=0, lt=1, description="share of the pairs that interact")
    pairs_per_promoter: int = Field(
        1, ge=1, description="pairs that share a promoter (the last one of a chromosome may have fewer)"
    )
    enhancer_length: Window = Field(3000, description="window that will be read around an enhancer, bases")
    promoter_length: Window = Field(2000, description="window that will be read around a promoter, bases")
    instances: int = Field(4, ge=1, le=100, description="motif (or scrambled) instances in an element")
    decoys: int = Field(2, ge=0, le=100, description="decoy motifs in an element, whatever its label")
    classes: int = Field(6, ge=2, le=6, description="motif classes used: the first of the shipped six")
    presence: Weight = Field(1.0, description="weight of the presence rule")
    pairing: Weight = Field(0.0, description="weight of the pairing rule")
    propensity: Weight = Field(0.0, description="weight of the propensity rule")
    propensity_purity: float = Field(
        0.92, ge=0, le=1, description="propensity: share of the promoters all of whose pairs have one label"
    )
    cell_line: str = Field(
        "simulated",
        pattern=rf"^{_LINE}(,{_LINE})*$",
        description="cell line in the pair table, or several as NAME:WEIGHT,NAME:WEIGHT",
    )
    shared: float = Field(
        0.0, ge=0, le=1, description="share of the promoters that, with their pairs, all cell lines have"
    )
    seed: int = Field(0, ge=0, description="same seed, same bits")

    @property
    def cell_lines(self) -> dict[str, float]:
        """Cell lines and their weights, in the order given."""
        split = (each.partition(":") for each in self.cell_line.split(","))
        return {name: float(weight or 1) for name, _, weight in split}

    @property
    def rule_weights(self) -> tuple[float, ...]:
        """The weights of presence, pairing and propensity, adding up to 1."""
        weights = self.presence, self.pairing, self.propensity
        return tuple(weight / sum(weights) for weight in weights)

    def element_lengths(self, role: str) -> tuple[int, int]:
        """Return the shortest and the longest element (both included) of ``role``, in bases.

        Elements are a quarter to a half of their window, so that copies shifted by up to a quarter of the
        window still hold them whole; never too short for what they carry.
        """
        window = self.enhancer_length if role == "enhancer" else self.promoter_length
        longest = window // 2
        return max(window // 4, self.bases_carried(role)), longest

    def bases_carried(self, role: str) -> int:
        """Return the most bases that the instances and decoys of one element of ``role`` can take."""
        motifs = load_motifs()
        planted = max(len(motifs.planted(number, role).frequencies) for number in range(self.classes))
        decoy = max(len(motif.frequencies) for motif in motifs.decoys)
        return self.instances * planted + self.decoys * decoy

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.presence + self.pairing + self.propensity > 0:
            raise ValueError("presence, pairing and propensity are all 0; one weight must be above 0")
        if self.pairs_per_promoter > self.pairs_per_chromosome:
            raise ValueError(
                f"pairs_per_promoter is {self.pairs_per_promoter}; "
                f"it must not exceed pairs_per_chromosome ({self.pairs_per_chromosome})"
            )
        if self.propensity and self.pairs_per_promoter == 1:
            raise ValueError(
                "pairs_per_promoter is 1; with propensity above 0 it must be 2 or more, "
                "since a promoter with one pair has nothing to repeat"
            )
        names = [each.partition(":")[0] for each in self.cell_line.split(",")]
        if len(set(names)) < len(names):
            raise ValueError(f"cell_line is {self.cell_line!r}; it must name each line once")
        if not all(self.cell_lines.values()):
            raise ValueError(f"cell_line is {self.cell_line!r}; each weight must be 1 or more")
        if self.shared and len(names) == 1:
            raise ValueError(f"shared is {self.shared}; it needs several cell lines, as in cell_line A,B")
        for role in ("enhancer", "promoter"):
            shortest, longest = self.element_lengths(role)
            if shortest > longest:
                raise ValueError(
                    f"{role}_length is {2 * longest}; it must be at least {2 * shortest} for "
                    f"{self.instances} instances and {self.decoys} decoys, which may take half of it"
                )
        return self


def configure(settings: Mapping[str, Any]) -> SimulationConfig:
    """Return the configuration of these settings; what is not named has its default.

    Raises
    ------
    ConfigError
        If a setting is unknown, out of its range, or does not go with another one. One fault is one line;
        several are listed in its rows.
    """
    try:
        return SimulationConfig(**settings)
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors()]
    if len(faults) == 1:
        raise ConfigError(f"simulation: {faults[0]}.")
    raise ConfigError(f"simulation: {len(faults)} settings are wrong:", faults)


def _describe(fault: ErrorDetails) -> str:
    name = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"there is no setting {name!r}; the settings are {', '.join(SimulationConfig.model_fields)}"
    if not name:  # settings that do not go together; our own message names them
        return str(fault["ctx"]["error"])
    if fault["type"] == "string_pattern_mismatch":
        return (
            f"{name} is {fault['input']!r}; it must be letters, digits, '.', '_' or '-', none of these first; "
            "several as NAME:WEIGHT,NAME:WEIGHT"
        )
    return f"{name} is {fault['input']!r}; {fault['msg'][0].lower()}{fault['msg'][1:]}"
