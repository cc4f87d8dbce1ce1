"""Whether one job is better than another, on the same patients."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

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
from .resampling import STRATIFIED
from .run_folder import read_run
from .summary import value_of
from .table import Cell, Column, Table, Value, with_missing

WHICH = (
    Column("inputs", "Inputs"),
    Column("dose", "Dose"),
    Column("seeds", "Seeds"),
    Column("metric", "Metric"),
)
MEASURED = (
    Column("difference", "Difference"),
    Column("p_patients", "p (patients)"),
    Column("p_patients_holm", "Holm"),
    Column("over_networks", "Over networks"),
    Column("p", "p"),
    Column("p_holm", "Holm"),
)
COMPARED = ("auc", "f1", "accuracy")
ONE_SEED = "With one seed, what is over patients speaks of these networks only, not of retraining."


Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class _Compared:
    """over_networks: differences of the networks of the same seed and fold; empty for one network of each.

    seeds: that all have in full.
    """

    seeds: tuple[int, ...]
    over_patients: dict[str, Difference]
    over_networks: dict[str, Difference]


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
    """The reference minus each other job: differences, intervals and p-values, over patients and over networks.

    Over patients the networks are held fixed. Over networks, those of the same fold and seed are pairs (t interval and
    test, `t_interval`): that says what is left when they are trained again; with one network of each job there are
    none. Both kinds of p-values are corrected for all jobs.

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
    incomplete: list[tuple[tuple[Cell, ...], str]] = []
    undefined: dict[Entry, str] = {}
    for other in others:
        of_other = _entry(found, other)
        if seeds := tuple(sorted(set(of_reference.seeds) & set(of_other.seeds))):
            reasons = {of.entry: why_undefined(of.in_order(seeds[0])) for of in (of_reference, of_other)}
            undefined |= {entry: why for entry, why in reasons.items() if why}
            if not any(reasons.values()):
                pairs = [(of_reference, of_other)]
                compared[other] = _difference(pairs, seeds, names, settings, _shared(found))
        else:
            missing = of_other.missing(found.seeds)
            why = f"incomplete, missing: {missing or 'of the reference, ' + of_reference.missing(found.seeds)}"
            incomplete.append(((other.job, other.inputs, other.dose), why))
    rows = [
        ((other.job, other.inputs, other.dose, _seeds(compared[other]), *measured), "")
        for other, measured in _rows(compared, names)
    ]
    title = f"{reference} minus other jobs ({split} cases{f', {found.only_folds}' if found.only_folds else ''})"
    columns, rows = with_missing((Column("job", "Job"), *WHICH, *MEASURED), [*rows, *incomplete])
    remarks = (_remark(settings, found, compared.values()), *_left_out(undefined))
    return Table(title, columns, rows, remarks, note)


def compare_parts(
    run: Path | str,
    pairs: Mapping[str, Sequence[tuple[Entry, Entry]]],
    *,
    names: Sequence[str] = COMPARED,
    settings: Resampling = RESAMPLING,
    note: str = "",
) -> Table:
    """What each part of a method brings: jobs with it minus those without it, on held-out cases.

    pairs: of each part, (with, without), which differ in that part alone and have the same inputs and dose: the main
    effect of a factorial design, for which the pairs count alike. Over networks, the mean over a part's pairs is one
    value for each fold and seed. A part with a job that is incomplete, or shares no complete seed, is named as such.
    Raises EvaluationError: no_entry, other_cases, and what `summarise` raises.
    """
    found = read_run(run, TEST)
    compared: dict[str, _Compared] = {}
    facts: dict[str, tuple[Cell, ...]] = {}
    incomplete: list[tuple[tuple[Cell, ...], str]] = []
    for part, entries in pairs.items():
        of_pairs = [(_entry(found, first), _entry(found, second)) for first, second in entries]
        inputs, dose = entries[0][0].inputs, entries[0][0].dose
        facts[part] = (part, len(entries), inputs, dose)
        seeds = set(found.seeds).intersection(*(of.seeds for pair in of_pairs for of in pair))
        if seeds:
            compared[part] = _difference(of_pairs, tuple(sorted(seeds)), names, settings, _shared(found))
        else:
            lacking = next(of for pair in of_pairs for of in pair if of.missing(found.seeds))
            why = f"incomplete, missing: of {lacking.entry.job}, {lacking.missing(found.seeds)}"
            incomplete.append((facts[part], why))
    rows = [((*facts[part], _seeds(compared[part]), *measured), "") for part, measured in _rows(compared, names)]
    columns = (Column("part", "Part"), Column("pairs", "Pairs"), *WHICH, *MEASURED)
    columns, rows = with_missing(columns, [*rows, *incomplete])
    remarks = (
        "Students with a part minus those that differ in it alone, mean over the pairs. Over networks: one value, the "
        "mean over the pairs, for each fold and seed.",
        _remark(settings, found, compared.values()),
    )
    title = f"What each part brings (test cases{f', {found.only_folds}' if found.only_folds else ''})"
    return Table(title, columns, rows, remarks, note)


def _entry(found: RunPredictions, entry: Entry) -> EntryPredictions:
    try:
        return found.entries[entry]
    except KeyError:
        known = ", ".join(map(str, found.entries))
        raise EvaluationError("no_entry", f"The run has no predictions of {entry}.", f"It has: {known}.") from None


def _shared(found: RunPredictions) -> float:
    """Held-out cases for each that a fold learns from, where there are several folds; for `t_interval`."""
    if len(found.folds) < 2:
        return 0.0
    return sum(len(found.held_out[fold]) for fold in found.folds) / sum(found.learnt[fold] for fold in found.folds)


def _difference(
    pairs: Sequence[tuple[EntryPredictions, EntryPredictions]],
    seeds: tuple[int, ...],
    names: Sequence[str],
    settings: Resampling,
    shared: float,
) -> _Compared:
    """First minus second, mean over pairs."""
    of_first, of_second = ([part for of in side for part in of.pooled(seeds)] for side in zip(*pairs, strict=True))
    of_all = of_first[0]
    for one, other in pairs:
        for of in (one, other):
            if only := set(of_all.cases) ^ set(of.pooled(seeds)[0].cases):
                raise EvaluationError(
                    "other_cases",
                    f"{one.entry} and {other.entry} did not predict the same cases: {len(only)} are in one of them "
                    "only.",
                    "Compare jobs on the same cohort and with inputs that every case has.",
                )
    first, second = (np.stack([part.probabilities() for part in parts]) for parts in (of_first, of_second))
    networks = pairs[0][0].networks(of_all)
    over_patients = compare(of_all.labels, first, second, of_all.patients, names, settings, networks)
    return _Compared(seeds, over_patients, _over_networks(pairs, seeds, names, settings.level, shared))


def _over_networks(
    pairs: Sequence[tuple[EntryPredictions, EntryPredictions]],
    seeds: tuple[int, ...],
    names: Sequence[str],
    level: float,
    shared: float,
) -> dict[str, Difference]:
    """Empty where there is but one network of each, or a fold lacks a grade."""
    by_pair = [[[part for seed in seeds for part in of.in_order(seed)] for of in pair] for pair in pairs]
    networks = by_pair[0][0]
    if len(networks) < 2 or any(why_undefined([part]) for part in networks):
        return {}
    of_pairs = [[[measure(p.labels, p.probabilities(), names) for p in of] for of in pair] for pair in by_pair]
    return {
        name: t_interval(
            np.mean([[a[name] - b[name] for a, b in zip(*pair, strict=True)] for pair in of_pairs], axis=0),
            level,
            shared,
        )
        for name in names
    }


def _rows(compared: Mapping[Key, _Compared], names: Sequence[str]) -> Iterator[tuple[Key, tuple[Cell, ...]]]:
    """Metric and what was measured of it, with Holm's correction over all that are compared."""
    over_patients = {name: {key: of.over_patients[name] for key, of in compared.items()} for name in names}
    over_networks = {
        name: {key: of.over_networks[name] for key, of in compared.items() if of.over_networks} for name in names
    }
    for key in compared:
        for name in names:
            cells = (*_tested(name, over_patients[name], key), *_tested(name, over_networks[name], key))
            yield key, (METRICS[name].title, *cells)


def _tested(name: str, differences: Mapping[Key, Difference], key: Key) -> tuple[Cell, Cell, Cell]:
    """The difference of one, its p-value, and that corrected for all; empty where it has none."""
    if key not in differences:
        return "", "", ""
    adjusted = dict(zip(differences, holm([of.p for of in differences.values()]), strict=True))
    of = differences[key]
    return _cell(name, of), Value(of.p, style="p"), Value(adjusted[key], style="p")


def _seeds(of: _Compared) -> str:
    return ", ".join(map(str, of.seeds))


def _cell(name: str, of: Estimate) -> Value:
    return value_of(name, of.value, low=of.low, high=of.high)


def _left_out(undefined: dict[Entry, str]) -> Iterator[str]:
    if undefined:
        named = "; ".join(f"{entry} has {why}" for entry, why in undefined.items())
        yield f"Left out, since metrics are not defined without a case of every grade: {named}."


def _remark(settings: Resampling, found: RunPredictions, compared: Collection[_Compared]) -> str:
    what = "of pooled held-out cases, not of means over folds"
    if found.split == EXTERNAL:
        what = "on another cohort, each the mean over the networks (fold and seed) of both"
    level, shared = f"{settings.level:.0%}", _shared(found)
    in_common = (
        f", corrected for what folds learn from in common, with {shared:.2f} held-out cases for each learnt from "
        "(Nadeau and Bengio 2003)"
    )
    one_seed = any(len(of.seeds) == 1 for of in compared)
    return (
        f"Differences {what}, in points of % where the metric is in %. Difference and p (patients): of these networks "
        f"as they were trained; {level} percentiles over {settings.resamples} bootstrap resamples of patients, both "
        f"jobs in the same resample, {STRATIFIED}; {settings.permutations} permutations of the two jobs by patient, "
        "two-sided. Over networks and p: mean difference of the networks of the same fold and seed, with Student's "
        f"{level} interval and test{in_common if shared else ''}: what training them again would leave. Holm: the "
        "p before it, corrected for all that are compared in this table, for each metric by itself."
        f"{' ' + ONE_SEED if one_seed else ''}"
    )
