"""Whether one job is better than another, on the same patients."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .bootstrap import RESAMPLING, Difference, Estimate, Resampling, compare, holm, t_interval
from .entries import (
    EXTERNAL,
    TEST,
    UNKNOWN,
    VALIDATION,
    Entry,
    EntryPredictions,
    RunPredictions,
    why_undefined,
)
from .errors import EvaluationError
from .metrics import METRICS, measure
from .run_folder import read_run
from .summary import value_of
from .table import Cell, Column, Table, Value

COLUMNS = (
    Column("job", "Job"),
    Column("inputs", "Inputs"),
    Column("dose", "Dose"),
    Column("seeds", "Seeds"),
    Column("metric", "Metric"),
    Column("difference", "Difference"),
    Column("over_seeds", "Over seeds"),
    Column("p", "p"),
    Column("p_holm", "p (Holm)"),
)
COMPARED = ("auc", "f1", "accuracy")
ONE_SEED = "With one seed, intervals and p-values speak of patients for these networks only, not of retraining."


@dataclass(frozen=True)
class _Compared:
    """over_seeds: differences of the same seeds with a t interval; empty for one seed."""

    seeds: tuple[int, ...]
    over_patients: dict[str, Difference]
    over_seeds: dict[str, Estimate]


def compare_jobs(
    run: Path | str,
    reference: Entry,
    others: Sequence[Entry] | None = None,
    *,
    split: str = "test",
    names: Sequence[str] = COMPARED,
    settings: Resampling = RESAMPLING,
    note: str = "",
) -> Table:
    """The reference minus each other job: difference, interval, p-value, and p-value corrected for all of them.

    The interval and the p-values are over patients; with several seeds there is a t interval over seeds beside them.
    split: test or external, where all folds' networks predict the same cases and the differences are means over them.

    others: by default every other job of the run with the reference's inputs and dose. Seeds that both have in full are
    averaged. Holm's correction is over the others, for each metric by itself. A job that shares no complete seed with
    the reference is named as incomplete. One without a case of some grade is left out, and named below. Raises
    EvaluationError: no_entry, bad_split, other_cases where the two did not predict the same cases, and what `summarise`
    raises.
    """
    if split == VALIDATION:
        raise EvaluationError(
            "bad_split",
            "Jobs are not compared on validation cases: those chose the epoch of each network, and one case may "
            "validate several folds.",
            f"Compare them on the split '{TEST}' or '{EXTERNAL}'.",
        )
    found = read_run(run, split)
    of_reference = _entry(found, reference)
    if others is None:
        alike = (reference.inputs, reference.dose)
        others = [e for e in found.entries if e != reference and (e.inputs, e.dose) in {alike, UNKNOWN}]
    compared: dict[Entry, _Compared] = {}
    incomplete: list[tuple[Cell, ...]] = []
    undefined: dict[Entry, str] = {}
    for other in others:
        of_other = _entry(found, other)
        if seeds := tuple(sorted(set(of_reference.seeds) & set(of_other.seeds))):
            reasons = {of.entry: why_undefined(of.in_order(seeds[0])) for of in (of_reference, of_other)}
            undefined |= {entry: why for entry, why in reasons.items() if why}
            if not any(reasons.values()):
                compared[other] = _difference(of_reference, of_other, seeds, names, settings)
        else:
            missing = of_other.missing(found.seeds)
            why = f"incomplete, missing: {missing or 'of the reference, ' + of_reference.missing(found.seeds)}"
            incomplete.append((other.job, other.inputs, other.dose, "", why, *[""] * 4))
    rows = (*_rows(compared, names), *incomplete)
    title = f"{reference} minus other jobs ({split} cases{f', {found.only_folds}' if found.only_folds else ''})"
    one_seed = any(len(of.seeds) == 1 for of in compared.values())
    return Table(title, COLUMNS, rows, (*_remarks(settings, split, one_seed), *_left_out(undefined)), note)


def _entry(found: RunPredictions, entry: Entry) -> EntryPredictions:
    try:
        return found.entries[entry]
    except KeyError:
        known = ", ".join(map(str, found.entries))
        raise EvaluationError("no_entry", f"The run has no predictions of {entry}.", f"It has: {known}.") from None


def _difference(
    first: EntryPredictions,
    second: EntryPredictions,
    seeds: tuple[int, ...],
    names: Sequence[str],
    settings: Resampling,
) -> _Compared:
    of_first, of_second = first.pooled(seeds), second.pooled(seeds)
    only = set(of_first[0].cases) ^ set(of_second[0].cases)
    if only:
        raise EvaluationError(
            "other_cases",
            f"{first.entry} and {second.entry} did not predict the same cases: {len(only)} are in one of them only.",
            "Compare jobs on the same cohort and with inputs that every case has.",
        )
    labels, patients = of_first[0].labels, of_first[0].patients
    one, other = (np.stack([part.probabilities() for part in parts]) for parts in (of_first, of_second))
    over_seeds = _over_seeds(labels, one, other, len(seeds), names, settings) if len(seeds) > 1 else {}
    return _Compared(seeds, compare(labels, one, other, patients, names, settings), over_seeds)


def _over_seeds(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, seeds: int, names: Sequence[str], settings: Resampling
) -> dict[str, Estimate]:
    """A seed's difference is the mean over its networks, where there are several of the same cases."""
    pairs = [(measure(labels, a, names), measure(labels, b, names)) for a, b in zip(first, second, strict=True)]
    of_networks = {name: np.reshape([a[name] - b[name] for a, b in pairs], (seeds, -1)) for name in names}
    return {name: t_interval(of.mean(1), settings.level) for name, of in of_networks.items()}


def _rows(compared: dict[Entry, _Compared], names: Sequence[str]) -> list[tuple[Cell, ...]]:
    adjusted = {name: holm([of.over_patients[name].p for of in compared.values()]) for name in names}
    rows: list[tuple[Cell, ...]] = []
    for index, (other, of) in enumerate(compared.items()):
        facts = (other.job, other.inputs, other.dose, ", ".join(map(str, of.seeds)))
        for name in names:
            difference = of.over_patients[name]
            p_values = (Value(difference.p, style="p"), Value(adjusted[name][index], style="p"))
            over_seeds = _cell(name, of.over_seeds[name]) if of.over_seeds else ""
            rows.append((*facts, METRICS[name].title, _cell(name, difference), over_seeds, *p_values))
    return rows


def _cell(name: str, of: Estimate) -> Value:
    return value_of(name, of.value, low=of.low, high=of.high)


def _left_out(undefined: dict[Entry, str]) -> Iterator[str]:
    if undefined:
        named = "; ".join(f"{entry} has {why}" for entry, why in undefined.items())
        yield f"Left out, since metrics are not defined without a case of every grade: {named}."


def _remarks(settings: Resampling, split: str, one_seed: bool) -> tuple[str, ...]:
    what = "of pooled held-out cases, not of means over folds"
    if split == EXTERNAL:
        what = "on another cohort, each the mean over the networks (fold and seed) of both"
    return (
        f"Differences {what}, in points of % where the metric is in %. Intervals: "
        f"{settings.level:.0%}, percentiles over {settings.resamples} bootstrap resamples of patients, both jobs in "
        f"the same resample, for the networks as they were trained. Over seeds: t interval over seeds of both. "
        f"p: two-sided, {settings.permutations} permutations of the two jobs by patient. Holm: over the jobs compared, "
        f"for each metric by itself.{' ' + ONE_SEED if one_seed else ''}",
    )
