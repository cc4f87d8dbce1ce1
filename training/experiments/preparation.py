"""A run's folder, up to where networks can be trained: configuration, cohort, folds, splits and cache."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from REACTKDLib.imaging.spec import TRACERS

from ..cohorts.errors import CohortError
from ..cohorts.external import check_external
from ..cohorts.folds import Folds, make_folds
from ..cohorts.manifest import Cohort, CohortCase, manifest_of, read_manifest, write_manifest
from ..cohorts.sides import MADE_AGAIN
from ..cohorts.splits import Split, make_splits, read_splits, write_splits
from ..data.cache import Cache, build_cache
from ..data.cache_settings import CacheSettings
from ..engine.differences import differences
from ..evaluation.run_folder import CONFIG, FOLDS
from .checks import check_settings
from .config import Experiment, External
from .errors import ExperimentError
from .network_checks import check_networks
from .phantoms import make_phantoms, planned_phantoms
from .reading import read_experiment, read_tree, to_tree, write_tree

COHORT, SPLITS, CACHE, PHANTOMS = "cohort.csv", "splits.json", "cache", "phantoms"
EXTERNAL_COHORT, EXTERNAL_CACHE, EXTERNAL_PHANTOMS = "external.csv", "external_cache", "external_phantoms"


@dataclass(frozen=True)
class Prepared:
    """cohort: as read from the run's own manifest. external: the other cohort, to test on."""

    cohort: Cohort
    cache: Cache
    external: "Prepared | None" = None


def experiment_of(run: Path) -> Experiment:
    """What a run is of. Raises ExperimentError: no_run, bad_config."""
    if not (run / CONFIG).is_file():
        raise ExperimentError("no_run", f"{run} is not the folder of a run.", "Give one, such as runs/phantom.")
    return read_experiment(str(run / CONFIG))


def cache_settings(experiment: Experiment) -> CacheSettings:
    return CacheSettings(experiment.preprocessing, experiment.dose_levels, experiment.scanner)


def external_cache_settings(experiment: Experiment) -> CacheSettings:
    """The same but for the doses."""
    return replace(cache_settings(experiment), levels=experiment.external.dose_levels)


def tracers_of(cases: Iterable[CohortCase]) -> tuple[str, ...]:
    """The PET tracers that any of the cases has."""
    cases = tuple(cases)
    return tuple(t for t in TRACERS if any(t in case.files.paths for case in cases))


def prepare(experiment: Experiment, run: Path, jobs: int = 1) -> Prepared:
    """Makes what is missing. What is there is verified, and nothing is touched if it is of another experiment.

    The manifest is the run's own once all its cases are preprocessed: one that cannot be can be taken out of it.
    jobs: processes side by side. Raises ExperimentError (bad_setting, bad_networks, no_cohort, no_external,
    other_config, other_cohort, not_written), MethodError, CohortError.
    """
    check_settings(experiment)
    tree = to_tree(experiment)
    _check_same(tree, run)
    external = experiment.external
    # What can be wrong is found before the folder is made: a run that is refused leaves nothing.
    cases = _planned(experiment, run / PHANTOMS, allow_unlabelled=True)
    check_networks(experiment, tracers_of(cases))
    others = _planned(external, run / EXTERNAL_PHANTOMS) if external else ()
    if external:
        check_external(others, cases)
    try:
        own = _cohort_of(cases, run / COHORT)
        other = _cohort_of(others, run / EXTERNAL_COHORT) if external else None
        folds, splits = _sides_of(experiment, own, run)
        run.mkdir(parents=True, exist_ok=True)
        write_tree(tree, run / CONFIG)
        if experiment.phantoms:
            make_phantoms(experiment.phantoms, run / PHANTOMS, jobs)
        if external and external.phantoms:
            make_phantoms(external.phantoms, run / EXTERNAL_PHANTOMS, jobs)
        cache = build_cache(own, run / CACHE, cache_settings(experiment), jobs)
        prepared = Prepared(_kept(own, run / COHORT), cache)
        if not (run / FOLDS).exists():
            folds.write(run / FOLDS)
        if not (run / SPLITS).exists():
            write_splits(splits, own, run / SPLITS)
        if other is None:
            return prepared
        cache = build_cache(other, run / EXTERNAL_CACHE, external_cache_settings(experiment), jobs)
        return replace(prepared, external=Prepared(_kept(other, run / EXTERNAL_COHORT), cache))
    except OSError as error:
        raise ExperimentError(
            "not_written",
            f"The run cannot be written to {run}: {error.strerror or error}.",
            "Choose another place with --out, or free some space, and start again: what is done is kept.",
        ) from error


def _planned(cohorts: Experiment | External, phantoms: Path, **allowed: bool) -> tuple[CohortCase, ...]:
    """The cases of a manifest, or phantoms that may not be made yet."""
    if cohorts.phantoms is not None:
        return planned_phantoms(cohorts.phantoms, phantoms)
    return read_manifest(cohorts.cohort, **allowed).cases


def _check_same(tree: dict, run: Path) -> None:
    """Raises ExperimentError other_config."""
    if not (run / CONFIG).exists():
        return
    found = read_tree(run / CONFIG)
    found = found if isinstance(found, dict) else {}
    # An external cohort changes no training: it can be added at any time.
    wanted = tree if found.get("external") else {**tree, "external": None}
    if lines := differences(found, wanted, "the run"):
        raise ExperimentError(
            "other_config",
            f"The run {run} is of another configuration:\n" + "\n".join(f"  {line}" for line in lines),
            "Go back to that one, or give the new run another name with --name.",
        )


def _cohort_of(cases: tuple[CohortCase, ...], path: Path) -> Cohort:
    """As the run's own manifest holds it, or will. Raises ExperimentError other_cohort."""
    content = manifest_of(cases, path.parent)
    if path.exists() and path.read_bytes() != content:
        raise ExperimentError(
            "other_cohort",
            f"The cohort has changed since the run {path.parent} was started: it is not what its {path.name} holds.",
            "Take the manifest back to what it was, or give the new run another name with --name.",
        )
    return Cohort(cases, hashlib.sha256(content).hexdigest())


def _kept(cohort: Cohort, path: Path) -> Cohort:
    """By the run's own manifest, whatever becomes of the one it was made from."""
    if not path.exists():
        write_manifest(cohort.cases, path)
    return read_manifest(path, allow_unlabelled=True)


def _sides_of(experiment: Experiment, cohort: Cohort, run: Path) -> tuple[Folds, tuple[Split, ...]]:
    """Those of the run, or else new ones.

    Raises CohortError: those of reading and of making them, and bad_splits.
    """
    if (run / FOLDS).exists():
        folds = Folds.read(run / FOLDS, cohort)
    else:
        folds = make_folds(cohort, experiment.folds, experiment.split_seed)
    if not (run / SPLITS).exists():
        return folds, make_splits(cohort, folds, experiment.validation_share, experiment.split_seed)
    splits = read_splits(run / SPLITS, cohort)
    if tuple(split.test for split in splits) != folds.validation:
        raise CohortError(
            "bad_splits", f"The splits {SPLITS} hold out other cases than {FOLDS}, beside them.", MADE_AGAIN
        )
    return folds, splits
