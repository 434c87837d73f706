"""Layers by themselves against torch's own, and where the FFT convolution begins to pay; see network.py."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import torch
from measure import Figure, Section, Timing, alternate, markdown_table
from subjects import Settings, random_codes, twins
from torch import Tensor, nn

from epidyn.kmers import VOCABULARY, tokenize
from epidyn.nn.convolution import SHORTEST_KERNEL
from epidyn.nn.stem import Stem

MODES = ("inference", "training")
CROSSOVER_BATCH, CROSSOVER_POOL = 16, 10


def parts(settings: Settings, pairs: Path) -> Section:
    """Both stems (base codes to features), the encoder layer and the BiGRU: forward, and forward and backward."""
    config = settings.config
    network, twin = twins(config)
    enhancer, promoter = random_codes(config, settings.batch)
    positions = config.enhancer_positions + config.promoter_positions
    x = torch.randn(settings.batch, positions, config.channels)
    layers: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Tensor]] = {
        "enhancer stem": (
            network.encode_enhancer,
            lambda codes: twin.enhancer_conv_layer(_look_up(twin.embedding_en, codes)),
            enhancer,
        ),
        "promoter stem": (
            network.encode_promoter,
            lambda codes: twin.promoter_conv_layer(_look_up(twin.embedding_pr, codes)),
            promoter,
        ),
        "encoder layer": (network.transformer, twin.encoder, x),
        "BiGRU": (network.gru, lambda x: twin.gru(x)[0], x),
    }
    figures = []
    for (name, (ours, plain, given)), mode in product(layers.items(), MODES):
        network.train(mode == "training")
        twin.train(mode == "training")
        runs = {"ours": _runner(ours, given, mode), "twin": _runner(plain, given, mode)}
        times = alternate(runs, settings.repetitions, at_least=settings.at_least)
        each = {who: timing.per(settings.batch) for who, timing in times.items()}
        figures.append(Figure.against(f"{name}, {mode}", each["ours"], each["twin"], "ms/pair"))
    return Section("Layers by themselves", figures)


def _look_up(embedding: nn.Embedding, codes: Tensor) -> Tensor:
    vectors: Tensor = embedding(torch.from_numpy(tokenize(codes.numpy())))
    return vectors.transpose(1, 2)


def _runner(layer: Callable[[Tensor], Tensor], given: Tensor, mode: str) -> Callable[[], None]:
    """Return one pass: forward alone, or forward and backward, to the input too where it has a gradient."""

    def inference() -> None:
        with torch.inference_mode():
            layer(given)

    def training() -> None:
        source = given.clone().requires_grad_() if given.is_floating_point() else given
        layer(source).sum().backward()

    return training if mode == "training" else inference


def crossover(settings: Settings, pairs: Path) -> Section:
    """Direct against FFT convolution in a stem, over kernels, widths and lengths."""
    figures: dict[tuple[str, int, int, int], Figure] = {}
    for mode, width, length, kernel in product(MODES, settings.widths, settings.lengths, settings.kernels):
        times = _direct_and_fft(mode, width, length, kernel, settings)
        name = f"{mode}, {width} channels, {length:,} positions, kernel {kernel}"
        figures[mode, width, length, kernel] = Figure.against(name, times["fft"], times["direct"], "ms/pair")
    return Section("FFT convolution against direct", list(figures.values()), _pivot(settings, figures))


def _direct_and_fft(mode: str, width: int, length: int, kernel: int, settings: Settings) -> dict[str, Timing]:
    tokens = torch.randint(VOCABULARY, (CROSSOVER_BATCH, length))
    table = torch.randn(VOCABULARY, width, requires_grad=True)
    runs = {}
    for conv in ("fft", "direct"):
        stem = Stem(width, width, kernel, CROSSOVER_POOL, conv)
        runs[conv] = _runner(lambda tokens, stem=stem: stem.from_tokens(tokens, table), tokens, mode)
    times = alternate(runs, settings.repetitions, at_least=settings.at_least)
    return {name: timing.per(CROSSOVER_BATCH) for name, timing in times.items()}


def _pivot(settings: Settings, figures: dict[tuple[str, int, int, int], Figure]) -> str:
    """Direct time over FFT time, a row a kernel; and the kernel from which on the FFT is faster."""
    columns = {
        f"{mode}, {width} channels, {length:,}": {
            kernel: figures[mode, width, length, kernel].ratio for kernel in settings.kernels
        }
        for mode, width, length in product(MODES, settings.widths, settings.lengths)
    }
    rows = [
        {"kernel": str(kernel), **{title: f"{ratios[kernel]:.2f}" for title, ratios in columns.items()}}
        for kernel in settings.kernels
    ]
    rows.append({"kernel": "FFT faster from", **{title: _wins_from(ratios) for title, ratios in columns.items()}})
    about = f"Direct time / FFT time; the network takes the FFT from kernel {SHORTEST_KERNEL} on."
    return f"{about}\n\n{markdown_table(rows)}"


def _wins_from(ratios: dict[int, float]) -> str:
    """Return the first kernel from which on the FFT is never slower."""
    first = "-"
    for kernel in sorted(ratios, reverse=True):
        if ratios[kernel] < 1:
            break
        first = str(kernel)
    return first
