"""Training and prediction on a CUDA card, against the plain twin.

    python benchmarks/gpu.py [--pairs PATH] [--device cuda] [--quick] [--out DIR]

The file stands alone, so that it can be taken to a machine with a card: it imports epidyn, torch, NumPy, pandas.
Ours runs as `epidyn train` has it: bf16 autocast, or float32 without TF32. The twin, `epidyn.nn.plain`, runs in
float32 as torch has it by default; both train with NAdam. The twin makes its tokens with NumPy
on the CPU, as the authors prepare their data; it is timed with tokens that lie ready on the card too, and the
faster of both is what ours is compared with. One kind is timed after the other, since together they may not fit.

`--pairs` is the table whose epoch is timed, by default one as large as TargetFinder's of GM12878. A line that
fails says why, and the others go on. `--device cpu --quick` runs all of it in seconds, on any machine. DIR
(default `bench`) gets `gpu.json` and `gpu.md`.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from epidyn import Genome
from epidyn.dataset import PairDataModule, batches_per_epoch
from epidyn.kmers import tokenize
from epidyn.model import Model
from epidyn.nn import EpiDynFusion, NetworkConfig
from epidyn.nn.plain import PlainEpiDynFusion
from epidyn.nn.precision import full_float32
from epidyn.nn.published import published_name
from epidyn.pairs import write_pairs
from epidyn.scoring import NetworkScorer
from epidyn.training.config import make_config
from epidyn.training.inputs import read_inputs
from epidyn.training.module import NetworkModule

GENOME = "random:hg19"
TINY = {
    "enhancer_length": 120,
    "promoter_length": 90,
    "vector_size": 8,
    "channels": 8,
    "enhancer_kernel": 11,
    "enhancer_pool": 5,
    "promoter_kernel": 8,
    "promoter_pool": 3,
    "heads": 2,
    "feedforward": 16,
    "cbam_reduction": 4,
    "dense": 8,
}
Batch = dict[str, Tensor]
Step = Callable[[Batch], None]
Measure = Callable[[], float | tuple[float, str]]
Best = dict[tuple[str, int], float]
Make = Callable[[str, NetworkConfig, torch.device], Step]


@dataclass(frozen=True)
class Sizes:
    """How much is measured; the defaults are what is reported."""

    network: dict[str, int] = field(default_factory=dict)  # departures from the published network
    batches: tuple[int, ...] = (64, 512)
    warm_up: int = 5
    steps: int = 20
    repetitions: int = 3
    compiled: bool = True
    predicted: int = 8_192
    side: int = 128  # enhancers, and promoters, that are all paired
    epoch_steps: int = 200
    largest: int = 65_536
    # Pairs, positives, distinct enhancers and promoters of TargetFinder's GM12878.
    table: tuple[int, int, int, int] = (44_313, 2_113, 32_930, 8_106)


QUICK = Sizes(
    network=TINY,
    batches=(4,),
    warm_up=1,
    steps=2,
    repetitions=1,
    predicted=8,
    side=3,
    epoch_steps=3,
    largest=8,
    table=(400, 100, 300, 80),
)


@dataclass
class Line:
    """One line of the report; what failed has an error and no value. ``ratio`` is to the faster float32 twin."""

    name: str
    unit: str
    value: float | None = None
    ratio: float | None = None
    note: str = ""
    error: str = ""


class Report:
    """The lines so far; written after each of them."""

    def __init__(self, out: Path, device: torch.device) -> None:
        self.out, self.machine = out, describe(device)
        self.lines: list[Line] = []
        out.mkdir(parents=True, exist_ok=True)
        print(", ".join(f"{key} {value}" for key, value in self.machine.items()), flush=True)

    def add(self, name: str, unit: str, measure: Measure, twin: float | None = None) -> float | None:
        """Measure a line: a number, or a number and a note. Return the number, None if it failed."""
        line = Line(name, unit)
        try:
            measured = measure()
            line.value, line.note = measured if isinstance(measured, tuple) else (measured, "")
            line.ratio = line.value / twin if twin else None
        except Exception as error:
            line.error = f"{type(error).__name__}: {error}".partition("\n")[0]
        free_memory()
        self.lines.append(line)
        print(row(line), flush=True)
        self._write()
        return line.value

    def _write(self) -> None:
        content = {"machine": self.machine, "lines": [asdict(line) for line in self.lines]}
        (self.out / "gpu.json").write_text(json.dumps(content, indent=2) + "\n")
        about = "\n".join(f"- {key}: {value}" for key, value in self.machine.items())
        table = "\n".join(
            ["| what | measured | to the faster float32 twin | note |", "|---|---|---|---|", *map(row, self.lines)]
        )
        (self.out / "gpu.md").write_text(f"# Training and prediction on a card\n\n{about}\n\n{table}\n")


def row(line: Line) -> str:
    measured = "failed" if line.value is None else f"{line.value:,.4g} {line.unit}".strip()
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    return f"| {line.name} | {measured} | {ratio} | {line.note}{line.error} |"


def describe(device: torch.device) -> dict[str, str]:
    about = {"card": "none", "torch": torch.__version__, "Python": platform.python_version()}
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        about |= {"card": card.name, "memory": f"{card.total_memory / 2**30:.0f} GiB"}
        about |= {"CUDA": str(torch.version.cuda), "cuDNN": str(torch.backends.cudnn.version())}
    return about


def free_memory() -> None:
    """Give the card back what a measurement left, a failed one too."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class FromTokens(PlainEpiDynFusion):
    """The twin, from tokens that lie where it does."""

    def forward(self, enhancer_tokens: Tensor, promoter_tokens: Tensor) -> Tensor:
        """Tokens, int64 (batch, length), to logits (batch,)."""
        enhancer = self.enhancer_conv_layer(self.embedding_en(enhancer_tokens).transpose(1, 2))
        promoter = self.promoter_conv_layer(self.embedding_pr(promoter_tokens).transpose(1, 2))
        x = self.dropout(self.bn2(torch.cat([enhancer, promoter], dim=2))).transpose(1, 2)
        x = self.cbam_layer(self._streams(x).transpose(1, 2)).amax(dim=2)
        x = torch.relu(self.merger_dense(self.bn1(x)))
        logits: Tensor = self.output_layer(self.dropout(self.bn(x)))[:, 0]
        return logits


def network_of(kind: str, config: NetworkConfig, device: torch.device) -> nn.Module:
    """Return the network of a kind, with the same weights for all kinds."""
    torch.manual_seed(0)
    network = EpiDynFusion(config)
    if kind.startswith("ours"):
        network = network.to(device)
        # Without a card the compiler itself may be missing: then only that the graph can be traced is tried.
        backend = "inductor" if device.type == "cuda" else "eager"
        if "compiled" in kind:
            network.forward = torch.compile(network.forward, backend=backend)  # what --compile does
        return network
    twin = (FromTokens if "ready" in kind else PlainEpiDynFusion)(config)
    twin.load_state_dict({published_name(name): value for name, value in network.state_dict().items()})
    return twin.to(device)


def arithmetic(kind: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which a forward pass of a kind runs."""
    return torch.autocast(device.type, torch.bfloat16) if "bf16" in kind else nullcontext()


def permitted(kind: str) -> AbstractContextManager[object]:
    """Return the context of a whole step, backward pass and all: ours forbids TF32, torch by itself does not."""
    return full_float32() if kind.startswith("ours") else nullcontext()


def random_batch(config: NetworkConfig, size: int, device: torch.device, *, tokens: bool) -> Batch:
    """Return a batch of base codes, or of tokens, on the device."""
    rng = np.random.default_rng(size)
    batch = {"label": torch.arange(size).remainder(2).float().to(device)}
    for role in ("enhancer", "promoter"):
        codes = rng.integers(0, 4, (size, getattr(config, f"{role}_length")), dtype=np.uint8)
        batch[role] = torch.from_numpy(tokenize(codes) if tokens else codes).to(device)
    return batch


def training_step(kind: str, config: NetworkConfig, device: torch.device) -> Step:
    """Return one step: forward and loss, backward, optimiser."""
    settings = make_config({"data": {"pairs": "-", "genome": GENOME}}).training
    module = NetworkModule(network_of(kind, config, device).train(), settings)
    optimizer = module.configure_optimizers()

    def step(batch: Batch) -> None:
        with permitted(kind):
            optimizer.zero_grad()
            with arithmetic(kind, device):
                loss = module.training_step(batch, 0)
            loss.backward()
            optimizer.step()

    return step


def inference(kind: str, config: NetworkConfig, device: torch.device) -> Step:
    network = network_of(kind, config, device).eval()

    def run(batch: Batch) -> None:
        with torch.inference_mode(), permitted(kind), arithmetic(kind, device):
            network(batch["enhancer"], batch["promoter"])

    return run


def throughput(
    make: Callable[[str, NetworkConfig, torch.device], Step],
    kind: str,
    size: int,
    sizes: Sizes,
    device: torch.device,
) -> tuple[float, str]:
    """Return pairs a second, the median of repetitions of some steps each, after a warm-up; and their range."""
    config = NetworkConfig(**sizes.network)
    step, batch = make(kind, config, device), random_batch(config, size, device, tokens="ready" in kind)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(sizes.warm_up):
        step(batch)
    rates = []
    for _ in range(sizes.repetitions):
        wait(device)
        began = time.perf_counter()
        for _ in range(sizes.steps):
            step(batch)
        wait(device)
        rates.append(sizes.steps * size / (time.perf_counter() - began))
    memory = f", peak {torch.cuda.max_memory_allocated(device) / 1e6:,.0f} MB" if device.type == "cuda" else ""
    return statistics.median(rates), f"{min(rates):,.0f} to {max(rates):,.0f}{memory}"


TWIN_READY = "twin, float32, tokens ready"
TWINS = ("twin, float32, tokens by NumPy", TWIN_READY)
OURS, OURS_FLOAT32, COMPILED = "ours, bf16", "ours, float32", "ours, bf16, compiled"
MAKES: dict[str, Make] = {"training": training_step, "inference, network alone": inference}


def speeds(report: Report, kinds: tuple[str, ...], sizes: Sizes, device: torch.device, best: Best) -> None:
    """Time kinds of networks at every batch size; ``best`` keeps the faster twin's rates."""
    for (what, make), size in product(MAKES.items(), sizes.batches):
        for kind in kinds:
            rate = report.add(
                f"{what}, batch {size}: {kind}",
                "pairs/s",
                lambda make=make, kind=kind, size=size: throughput(make, kind, size, sizes, device),
                best.get((what, size)) if kind not in TWINS else None,
            )
            if kind in TWINS and rate is not None:
                best[what, size] = max(rate, best.get((what, size), 0))


def pair_table(rows: int, positives: int, enhancers: int, promoters: int) -> pd.DataFrame:
    """Return pairs of numbered elements, which lie evenly along chr1; no pair occurs twice."""
    number = np.arange(rows)
    table: dict[str, object] = {}
    elements = {"enhancer": (number % enhancers, 0), "promoter": (number * promoters // rows, 2_500)}
    for role, (numbers, first) in elements.items():
        start = 1_000_000 + first + 5_000 * numbers
        table |= {f"{role}_chrom": "chr1", f"{role}_start": start, f"{role}_end": start + 500}
    pairs = pd.DataFrame({**table, "label": 0})
    pairs.loc[np.linspace(0, rows - 1, positives).astype(int), "label"] = 1
    return pairs


def predict(pairs: pd.DataFrame, sizes: Sizes, device: torch.device) -> tuple[float, str]:
    """Return pairs a second through Model.predict, reading the genome and all."""
    network = network_of("ours", NetworkConfig(**sizes.network), device)
    model, genome, seconds = Model(NetworkScorer(network)), Genome.open(GENOME), []
    model.predict(pairs[: sizes.batches[-1]], genome, batch_size=sizes.batches[-1])
    for _ in range(sizes.repetitions):
        began = time.perf_counter()
        model.predict(pairs, genome, batch_size=sizes.batches[-1])
        seconds.append(time.perf_counter() - began)
    return len(pairs) / statistics.median(seconds), f"{len(pairs):,} pairs, batch {sizes.batches[-1]}"


def epoch(table: Path, size: int, sizes: Sizes, device: torch.device) -> tuple[float, str]:
    """Return the minutes that the steps of one epoch take, from some of them: loader and transfer too, in bf16."""
    run = make_config({"data": {"pairs": str(table), "genome": GENOME}, "training": {"batch_size": size}})
    run = run.model_copy(update={"network": NetworkConfig(**sizes.network)})
    data = read_inputs(run).data
    augment, pinned = run.training.rc_augment, device.type == "cuda"
    module = PairDataModule(data, batch_size=size, seed=0, rc_augment=augment, pin_memory=pinned)
    whole = batches_per_epoch(len(data.train), size, smallest=2)
    if whole <= sizes.warm_up:
        raise ValueError(f"an epoch has {whole} batches, no more than the warm-up; give a larger table")
    step, began, done = training_step(OURS, run.network, device), 0.0, 0
    for number, batch in enumerate(module.train_dataloader()):
        if number == sizes.warm_up:
            wait(device)
            began, done = time.perf_counter(), number
        step({name: value.to(device, non_blocking=True) for name, value in batch.items()})
        if number + 1 == sizes.warm_up + sizes.epoch_steps:
            break
    wait(device)
    timed = number + 1 - done
    minutes = (time.perf_counter() - began) / timed * whole / 60
    return minutes, f"from {timed} of {whole:,} steps, {len(data.train):,} window pairs, loader included"


def largest_batch(kind: str, sizes: Sizes, device: torch.device) -> tuple[float, str]:
    """Return the largest power of two whose training step fits into the card, and what the next one met."""
    fits, size, stopped = 0, 2, "no larger one was tried"
    while size <= sizes.largest:
        try:
            config = NetworkConfig(**sizes.network)
            training_step(kind, config, device)(random_batch(config, size, device, tokens="ready" in kind))
            wait(device)
        except torch.cuda.OutOfMemoryError:
            stopped = f"{size:,} is out of memory"
            break
        except RuntimeError as error:  # torch's kernels have limits of their own
            stopped = f"{size:,}: {str(error).splitlines()[0]}"
            break
        free_memory()
        fits, size = size, size * 2
    return fits, stopped


def difference(kind: str, sizes: Sizes, device: torch.device) -> tuple[float, str]:
    """Return the largest difference of a logit to ours in float32 on the CPU, and how much the logits vary."""
    cpu, config, size = torch.device("cpu"), NetworkConfig(**sizes.network), sizes.batches[0]
    here = logits(OURS_FLOAT32, config, size, cpu)
    there = logits(kind, config, size, device)
    return float((there - here).abs().max()), f"standard deviation of the logits {float(here.std()):.2g}"


def logits(kind: str, config: NetworkConfig, size: int, device: torch.device) -> Tensor:
    network = network_of(kind, config, device).eval()
    batch = random_batch(config, size, device, tokens="ready" in kind)
    with torch.inference_mode(), permitted(kind), arithmetic(kind, device):
        scores: Tensor = network(batch["enhancer"], batch["promoter"])
    return scores.float().cpu()


def measure_all(report: Report, table: Path, sizes: Sizes, device: torch.device) -> None:
    for kind in (OURS_FLOAT32, OURS, TWIN_READY):
        name = f"largest difference of a logit to the CPU's in float32: {kind}"
        report.add(name, "", lambda kind=kind: difference(kind, sizes, device))
    best: Best = {}
    speeds(report, (*TWINS, "twin, bf16, tokens ready", OURS, OURS_FLOAT32), sizes, device, best)
    distinct = pair_table(sizes.predicted, 1, sizes.predicted, sizes.predicted)
    grid = pair_table(sizes.side**2, 1, sizes.side, sizes.side)
    twin = best.get(("inference, network alone", sizes.batches[-1]))  # which reads no genome
    report.add("predict, all elements distinct", "pairs/s", lambda: predict(distinct, sizes, device), twin)
    name = f"predict, {sizes.side} enhancers x {sizes.side} promoters"
    report.add(name, "pairs/s", lambda: predict(grid, sizes, device), twin)
    for size in sizes.batches:
        name = f"one epoch of {table.name}, batch {size}: {OURS}"
        report.add(name, "minutes", lambda size=size: epoch(table, size, sizes, device))
    # Last: compiling may take minutes, and what goes wrong at the limits of a card may take what follows with it.
    if sizes.compiled:
        speeds(report, (COMPILED,), sizes, device, best)
    for kind in (OURS, TWIN_READY):
        name = f"largest batch that trains: {kind}"
        report.add(name, "pairs", lambda kind=kind: largest_batch(kind, sizes, device))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="labelled table of the epoch; default one of GM12878's size")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--quick", action="store_true", help="small and once: does it run?")
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile, which takes minutes")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    if given.device.type == "cuda" and not torch.cuda.is_available():
        parser.error("this machine has no CUDA card; --device cpu --quick shows that everything runs")
    sizes = replace(QUICK if given.quick else Sizes(), compiled=not given.no_compile)
    with tempfile.TemporaryDirectory() as folder:
        table = given.pairs
        if table is None:
            table = Path(folder) / "as-large-as-GM12878.tsv"
            write_pairs(pair_table(*sizes.table), table)
        measure_all(Report(given.out, given.device), table, sizes, given.device)


if __name__ == "__main__":
    main()
