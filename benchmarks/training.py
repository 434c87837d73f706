"""Speed and memory of training, and what feeds it; see network.py."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from unittest import mock

import torch
from measure import Figure, Section, Timing, Wanted, alternate, run_apart
from subjects import GENOME, Settings, training_batch, twins
from torch import Tensor, nn

from epidyn.dataset import PairDataModule, SplitData
from epidyn.nn import EpiDynFusion
from epidyn.nn.plain import PlainEpiDynFusion
from epidyn.training import inputs
from epidyn.training.config import RunConfig, make_config
from epidyn.training.module import NetworkModule

COPIES = 20
# What read_inputs calls, and what it does there.
STEPS = {
    "pool_pairs": "table",
    "locate": "chromosomes",
    "make_split": "split",
    "split_data": "windows and bases",
    "sha256": "digest of the table",
}


def run_config(settings: Settings, pairs: Path, **training: object) -> RunConfig:
    """Return a run on ``pairs`` with the settings' network."""
    data = {"pairs": str(pairs), "genome": GENOME}
    run = make_config({"data": data, "training": {"batch_size": settings.batch, **training}})
    return run.model_copy(update={"network": run.network.model_copy(update=settings.network)})


def training_step(network: nn.Module, run: RunConfig) -> Callable[[dict[str, Tensor]], None]:
    """Return what does one step on a batch, with NAdam."""
    module = NetworkModule(network.train(), run.training)
    optimizer = module.configure_optimizers()

    def step(batch: dict[str, Tensor]) -> None:
        optimizer.zero_grad()
        module.training_step(batch, 0).backward()
        optimizer.step()

    return step


def speed(settings: Settings, pairs: Path) -> Section:
    """One step: forward, loss, backward, NAdam; of both protocols, unless they train the same network.

    The twin has the published protocol's network.
    """
    published = run_config(settings, pairs, protocol="published", batch_size=settings.batch)
    default = run_config(settings, pairs)
    same = published.network == default.network
    networks: dict[str, tuple[nn.Module, RunConfig]] = {
        "twin": (twins(published.network)[1], published),
        "published": (twins(published.network)[0], published),
    }
    if not same:
        networks["default"] = (twins(default.network)[0], default)
    batch = training_batch(published.network, settings.batch)
    steps = {name: training_step(network, run) for name, (network, run) in networks.items()}
    times = alternate({name: lambda step=step: step(batch) for name, step in steps.items()}, settings.repetitions)
    each = {name: timing.per(settings.batch) for name, timing in times.items()}
    note = " (both have the same network: measured once)" if same else ""
    figures = [
        Figure.against(f"training step, {name} settings{note}", each[measured], each["twin"], "pairs/s", wanted)
        for name, measured, wanted in (
            ("published", "published", Wanted("ratio", ">=", 3)),
            ("default", "published" if same else "default", Wanted("ratio", ">=", 4.5, 6)),
        )
    ]
    return Section("Speed of training", figures)


def memory(settings: Settings, pairs: Path) -> Section:
    """Peak memory of a few steps, inputs and all, with our network and with the twin, in fresh processes."""
    run = run_config(settings, pairs, copies=COPIES)
    ours, twin = (
        run_apart(_train, run, settings.steps, plain, apart=settings.apart).peak_bytes / 1e6
        for plain in (False, True)
    )
    wanted = Wanted("value", "<=", 2_000), Wanted("ratio", ">=", 2)
    name = f"peak memory, {settings.steps} steps of {settings.batch}, {COPIES} copies of a positive"
    return Section("Memory of training", [Figure(name, ours, "MB", twin=twin, ratio=twin / ours, wanted=wanted)])


def _train(run: RunConfig, steps: int, plain: bool) -> None:
    data = _data_module(inputs.read_inputs(run).data, run)
    step = training_step((PlainEpiDynFusion if plain else EpiDynFusion)(run.network), run)
    for batch in islice(data.train_dataloader(), steps):
        step(batch)


def first_batch(settings: Settings, pairs: Path) -> Section:
    """From the call that reads the inputs to the first batch of training, in fresh processes."""
    run = run_config(settings, pairs, copies=COPIES)
    taken = [
        run_apart(_seconds_to_first_batch, run, apart=settings.apart).result for _ in range(settings.repetitions)
    ]
    timings = {name: Timing(tuple(each[name] for each in taken)) for name in taken[0]}
    figures = [Figure.timed(name, timing, "s") for name, timing in timings.items() if name != "in all"]
    wanted = Wanted("value", "<=", 20)
    whole = Figure.timed(f"in all, {COPIES} copies of a positive", timings["in all"], "s", wanted)
    return Section("From file to first batch", [*figures, whole])


def _seconds_to_first_batch(run: RunConfig) -> dict[str, float]:
    seconds: Counter[str] = Counter()
    began = time.perf_counter()
    with ExitStack() as patches:
        for function, name in STEPS.items():
            timed = _counted(getattr(inputs, function), name, seconds)
            patches.enter_context(mock.patch.object(inputs, function, timed))
        data = inputs.read_inputs(run).data
    read = time.perf_counter()
    next(iter(_data_module(data, run).train_dataloader()))
    ended = time.perf_counter()
    rest = read - began - sum(seconds.values())
    return {**seconds, "rest of reading": rest, "first batch": ended - read, "in all": ended - began}


def _counted(function: Callable[..., object], name: str, seconds: Counter[str]) -> Callable[..., object]:
    def timed(*arguments: object, **named: object) -> object:
        began = time.perf_counter()
        result = function(*arguments, **named)
        seconds[name] += time.perf_counter() - began
        return result

    return timed


def _data_module(data: SplitData, run: RunConfig, *, rc_augment: bool = False) -> PairDataModule:
    training = run.training
    return PairDataModule(data, batch_size=training.batch_size, seed=training.seed, rc_augment=rc_augment)


def loader(settings: Settings, pairs: Path) -> Section:
    """The training loader without a network, on one core."""
    run = run_config(settings, pairs, copies=COPIES)
    times = run_apart(_loader_times, run, settings.batches, settings.repetitions, apart=settings.apart).result
    wanted = Wanted("value", ">=", 5_000)
    figures = [Figure.timed(name, timing, "pairs/s", wanted) for name, timing in times.items()]
    return Section("Input pipeline, one core", figures)


def _loader_times(run: RunConfig, batches: int, repetitions: int) -> dict[str, Timing]:
    torch.set_num_threads(1)
    data = inputs.read_inputs(run).data
    modules = {
        "training batches": _data_module(data, run),
        "training batches, reverse complements drawn": _data_module(data, run, rc_augment=True),
    }
    drawn: list[int] = []

    def draw(module: PairDataModule) -> None:
        drawn.append(sum(len(batch["label"]) for batch in islice(module.train_dataloader(), batches)))

    times = alternate({name: lambda each=each: draw(each) for name, each in modules.items()}, repetitions)
    return {name: timing.per(drawn[0]) for name, timing in times.items()}
