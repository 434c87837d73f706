"""From runs to one tidy table: ours over seeds, the published number, and their difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy import stats

from epidyn.report.collect import Audited, Collection, CrossScores, Run
from epidyn.report.experiments import EXPERIMENTS, LINES, MEAN, REGIMES, SCORES, Experiment
from epidyn.report.files import Averages, CrossvalMetrics, RunMetrics, Scored, Spread
from epidyn.report.published import Published, read_published
from epidyn.scores import read_scores, summarise

Kind = Literal["run", "control", "baseline", "not run", "published, not rerun"]
CONFIDENCE = 0.95
SIZES = "sizes"


@dataclass(frozen=True)
class Row:
    """One number of ours, or of the article, or both.

    Attributes
    ----------
    experiment, table, line, what, measure
        Where it belongs; ``table`` is the article's.
    kind
        ``run``, ``control`` (a network trained on data made meaningless), ``baseline`` (a model that reads no
        DNA), ``not run``, or ``published, not rerun`` (another author's model).
    ours, low, high, seeds
        Mean over seeds (of a baseline: over random splits), bounds of its 95% t interval, and their number; None
        where there is none. One seed has no interval.
    published, difference
        The article's number, and ours less it.
    prevalence
        Share of positives in the test part, which an AUPR must be compared with.
    sd, published_sd
        Over chromosomes, of a mean over them.
    """

    experiment: str
    table: str
    line: str
    what: str
    measure: str
    kind: Kind
    ours: float | None = None
    low: float | None = None
    high: float | None = None
    seeds: int | None = None
    published: float | None = None
    difference: float | None = None
    prevalence: float | None = None
    sd: float | None = None
    published_sd: float | None = None


@dataclass(frozen=True)
class Result:
    """What one run says of one row on one line.

    Attributes
    ----------
    experiment, what, line, control
        Where it belongs.
    seed, settings
        Those of its run; for a score across lines those of the model's.
    measures
        Values by measure.
    prevalence
        Of the test part, or None.
    sd
        Over chromosomes, by measure.
    """

    experiment: str
    what: str
    line: str
    control: str | None
    seed: int
    settings: tuple[tuple[str, str], ...]
    measures: Mapping[str, float]
    prevalence: float | None = None
    sd: Mapping[str, float] = field(default_factory=dict)


def tidy(found: Collection) -> list[Row]:
    """Return every row of every experiment, in the order of the report; notes are added to ``found``."""
    results = [result for run in found.runs for result in _of_run(run, found.notes)]
    results += [_of_scores(scores) for scores in found.scores]
    results += _means(results)
    ours = _over_seeds(_named_apart(results, found.notes))
    rows = [*_with_published(ours, read_published()), *_of_audits(found.audits, ours)]
    return _sorted([*rows, *_not_run(rows)])


def _of_run(run: Run, notes: list[str]) -> list[Result]:
    if isinstance(run.metrics, CrossvalMetrics):
        return _of_folds(run, run.metrics, notes)
    scored = _scored_lines(run, run.metrics, notes)
    found = []
    for place in run.places:
        if place.experiment == "complexity":
            measures = _complexity(run.metrics)
            found.append(_result(run, place.experiment, place.what, run.line, measures))
            continue
        for line, scores in scored.items():
            measures = {"auroc": scores.auroc, "aupr": scores.aupr}
            found.append(_result(run, place.experiment, place.what, line, measures, scores.prevalence))
    if any(place.what == REGIMES["specific"] for place in run.places) and run.control is None:
        found += [_result(run, SIZES, what, run.line, {"pairs": n}) for what, n in _sizes(run.metrics).items()]
    return found


def _result(
    run: Run,
    experiment: str,
    what: str,
    line: str,
    measures: Mapping[str, float | None],
    prevalence: float | None = None,
    sd: Mapping[str, float | None] | None = None,
) -> Result:
    return Result(
        experiment,
        what,
        line,
        run.control,
        run.seed,
        run.settings,
        {name: value for name, value in measures.items() if value is not None},
        prevalence,
        {name: value for name, value in (sd or {}).items() if value is not None},
    )


def _scored_lines(run: Run, metrics: RunMetrics, notes: list[str]) -> dict[str, Scored]:
    """Return the scores of a run by cell line; what has none is noted."""
    lines = {line or run.line: scores for line, scores in metrics.lines.items()}
    if not lines:
        notes.append(f"{run.path} has no test part, so no scores of it are reported.")
    without = [line for line, scores in lines.items() if scores.auroc is None]
    notes += [f"{run.path}: the test pairs of {line} have one label only, so no score." for line in without]
    return {line: scores for line, scores in lines.items() if line not in without}


def _of_folds(run: Run, metrics: CrossvalMetrics, notes: list[str]) -> list[Result]:
    over_folds = {line: _averages(scores) for line, scores in run.folds.items()}
    over_folds = over_folds or {run.line: (metrics.mean, metrics.sd)}
    found = []
    for line, (mean, sd) in over_folds.items():
        if mean.auroc is None:
            notes.append(f"{run.path}: no fold of {line} has both labels, so no score.")
            continue
        means, sds = ({"auroc": each.auroc, "aupr": each.aupr} for each in (mean, sd))
        found += [
            _result(run, place.experiment, place.what, line, means, mean.prevalence, sds) for place in run.places
        ]
    return found


def _averages(folds: Sequence[Scored]) -> tuple[Averages, Averages]:
    """Return mean and sd over the folds that have both labels, as a cross-validation of one line records them."""
    both = [fold for fold in folds if fold.auroc is not None]
    columns = {name: [getattr(fold, name) for fold in both] for name in (*SCORES, "prevalence")}
    mean = {name: float(np.mean(values)) if values else None for name, values in columns.items()}
    sd = {name: float(np.std(values, ddof=1)) if len(values) > 1 else None for name, values in columns.items()}
    return Averages.model_validate(mean), Averages.model_validate(sd)


def _of_scores(scores: CrossScores) -> Result:
    """Return the cell of one model on another line's test pairs."""
    summary = summarise(read_scores(scores.path))
    measures = {"auroc": summary["auroc"], "aupr": summary["aupr"]}
    model, line = scores.model, scores.test.line
    return _result(model, "cross-line", model.line, line, measures, summary["prevalence"])


def _complexity(metrics: RunMetrics) -> dict[str, float | None]:
    gpu = metrics.memory.training_peak_gpu_bytes
    return {
        "minutes": metrics.time.training_seconds / 60,
        "megabytes": gpu / 1e6 if gpu else None,
        "test_seconds": metrics.time.test_seconds,
        "process_megabytes": metrics.memory.peak_bytes / 1e6,
    }


def _sizes(metrics: RunMetrics) -> dict[str, int]:
    data, split = metrics.data, metrics.split
    positives = data.positives - split.test.positives - split.unused.positives
    pairs = data.rows - split.test.pairs - split.unused.pairs
    return {
        "training positives": positives,
        "training copies": positives * max(data.copies, 1),
        "training negatives": pairs - positives,
        "test positives": split.test.positives,
        "test negatives": split.test.pairs - split.test.positives,
    }


def _means(results: Sequence[Result]) -> list[Result]:
    """Return the mean over the article's lines, of each seed that has them all, where the article has such."""
    groups: dict[object, list[Result]] = defaultdict(list)
    for each in results:
        if MEAN in EXPERIMENTS[each.experiment].lines and each.line in LINES:
            groups[each.experiment, each.what, each.control, each.seed].append(each)
    return [
        replace(
            each[0],
            line=MEAN,
            settings=(),
            measures={
                name: float(np.mean([one.measures[name] for one in each]))
                for name in each[0].measures
                if all(name in one.measures for one in each)
            },
            prevalence=None,
        )
        for each in groups.values()
        if {one.line for one in each} == set(LINES) and len(each) == len(LINES)
    ]


def _named_apart(results: Iterable[Result], notes: list[str]) -> list[Result]:
    """Tell results of one cell apart that differ in more than the seed: the settings join the row's name."""
    cells: dict[object, dict[tuple[tuple[str, str], ...], list[Result]]] = defaultdict(lambda: defaultdict(list))
    for each in results:
        cells[each.experiment, each.what, each.control, each.line][each.settings].append(each)
    named, told = [], {}
    for variants in cells.values():
        usual = max(variants, key=lambda settings: len(variants[settings]))  # the first of the most frequent
        for settings, members in variants.items():
            differing = sorted(set(settings) - set(usual))
            suffix = "".join(f" [{name} = {value}]" for name, value in differing)
            if suffix:
                told[members[0].what + suffix] = members[0].experiment
            named += [replace(each, what=each.what + suffix) for each in members]
    notes += [
        f"{EXPERIMENTS[experiment].title}: runs with other settings than most of their row stand apart as {what}."
        for what, experiment in told.items()
    ]
    return named


def _over_seeds(results: Iterable[Result]) -> list[Row]:
    cells: dict[tuple[str, str, str, str | None, str], list[Result]] = defaultdict(list)
    for each in results:
        for measure in each.measures:
            cells[each.experiment, each.what, each.line, each.control, measure].append(each)
    return [
        _row(experiment, what, line, control, measure, members)
        for (experiment, what, line, control, measure), members in cells.items()
    ]


def _row(
    experiment: str, what: str, line: str, control: str | None, measure: str, members: Sequence[Result]
) -> Row:
    mean, low, high = t_interval([each.measures[measure] for each in members])
    shares = [each.prevalence for each in members if each.prevalence is not None]
    sds = [each.sd[measure] for each in members if measure in each.sd]
    return Row(
        experiment,
        EXPERIMENTS[experiment].tables[measure],
        line,
        what if control is None else f"{what}, {control}",
        measure,
        "run" if control is None else "control",
        mean,
        low,
        high,
        len(members),
        prevalence=float(np.mean(shares)) if shares else None,
        sd=float(np.mean(sds)) if sds else None,
    )


def t_interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return the mean and the bounds of its 95% t interval; the latter None for one value."""
    mean = float(np.mean(values))
    if len(values) == 1:
        return mean, None, None
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return mean, mean - float(reach), mean + float(reach)


def _with_published(ours: Iterable[Row], published: Iterable[Published]) -> list[Row]:
    """Set the article's numbers beside ours; those without ours are rows of their own."""
    waiting = {(each.experiment, each.what, each.line, each.measure): each for each in published}
    rows = []
    for row in ours:
        # A control has another name than what it is the control of.
        match = waiting.pop((row.experiment, row.what, row.line, row.measure), None)
        if match is not None and row.ours is not None:
            difference = row.ours - match.value
            row = replace(row, published=match.value, difference=difference, published_sd=match.sd)
        rows.append(row)
    for each in waiting.values():
        kind: Kind = "not run" if each.rerun else "published, not rerun"
        table = EXPERIMENTS[each.experiment].tables[each.measure]
        rows.append(
            Row(
                each.experiment,
                table,
                each.line,
                each.what,
                each.measure,
                kind,
                published=each.value,
                published_sd=each.sd,
            )
        )
    return rows


def _of_audits(audits: Sequence[Audited], ours: Sequence[Row]) -> list[Row]:
    """Return the baselines that read no DNA beside every result of ours on the same line and split."""
    wanted = {(row.experiment, row.line) for row in ours}
    rows = []
    for audit in audits:
        for name, experiment in EXPERIMENTS.items():
            beside = experiment.random_split or name == "loco"
            if beside and (name, audit.line) in wanted and audit.bengi == (name == "bengi"):
                rows += _baselines(audit, experiment)
    return list({(row.experiment, row.line, row.what, row.measure): row for row in rows}.values())


def _baselines(audit: Audited, experiment: Experiment) -> list[Row]:
    splits = audit.report.settings.splits
    rows = []
    for each in audit.report.baselines:
        if each.reads_sequence:
            continue
        prevalence = each.random.positives / (each.random.positives + each.random.negatives)
        for measure in SCORES:
            row = Row(experiment.name, experiment.tables[measure], audit.line, each.name, measure, "baseline")
            on_random: Spread = getattr(each.random, measure)
            held_out: Spread | None = getattr(each.held_out, measure, None)
            if experiment.random_split:
                low, high = _spread_interval(on_random, splits)
                row = replace(row, ours=on_random.mean, low=low, high=high, seeds=splits, prevalence=prevalence)
                rows.append(row)
            elif held_out is not None:
                rows.append(replace(row, ours=held_out.mean, sd=held_out.sd, seeds=1))
    return rows


def _spread_interval(spread: Spread, splits: int) -> tuple[float | None, float | None]:
    if spread.sd is None:
        return None, None
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, splits - 1)) * spread.sd / float(np.sqrt(splits))
    return spread.mean - reach, spread.mean + reach


def _not_run(rows: Sequence[Row]) -> list[Row]:
    """Return the cells of the article's experiments that nothing has been found for."""
    there = {(row.experiment, row.what, row.line, row.measure) for row in rows}
    return [
        Row(name, experiment.tables[measure], line, what, measure, "not run")
        for name, experiment in EXPERIMENTS.items()
        for measure in experiment.tables
        for what in experiment.expected
        for line in experiment.lines
        if (name, what, line, measure) not in there
    ]


def ordered_lines(rows: Iterable[Row]) -> list[str]:
    """Return the cell lines of ``rows``: the article's, other ones as they come, and last the means over lines."""
    known = [*LINES, *(line for each in EXPERIMENTS.values() for line in each.lines)]
    there = dict.fromkeys(row.line for row in rows)
    order = dict.fromkeys([*known, *there])
    return sorted((line for line in order if line in there), key=lambda line: line == MEAN)


def _sorted(rows: Sequence[Row]) -> list[Row]:
    """Sort by experiment, measure, kind, and then rows and columns as the experiment has them."""
    experiments = list(EXPERIMENTS)
    kinds: dict[Kind, int] = {"run": 0, "not run": 0, "published, not rerun": 1, "control": 2, "baseline": 3}
    whats = list(dict.fromkeys(what for each in EXPERIMENTS.values() for what in each.expected))
    whats = list(dict.fromkeys([*whats, *(row.what for row in rows)]))
    lines = ordered_lines(rows)

    def place(row: Row) -> tuple[int, ...]:
        measures = list(EXPERIMENTS[row.experiment].tables)
        whats_here = [*EXPERIMENTS[row.experiment].expected, *whats]
        return (
            experiments.index(row.experiment),
            measures.index(row.measure),
            kinds[row.kind],
            whats_here.index(row.what),
            lines.index(row.line),
        )

    return sorted(rows, key=place)
