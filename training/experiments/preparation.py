"""A run's folder, up to where networks can be trained: configuration, cohort, folds, splits and cache."""

from dataclasses import dataclass
from pathlib import Path

from REACTKDLib.imaging.spec import TRACERS

from ..cohorts.folds import Folds, make_folds
from ..cohorts.manifest import Cohort, read_manifest, write_manifest
from ..cohorts.splits import make_splits, read_splits, write_splits
from ..data.cache import Cache, build_cache
from ..data.cache_settings import CacheSettings
from ..engine.differences import differences
from ..evaluation.run_folder import FOLDS
from .checks import check_networks, check_settings
from .config import Experiment
from .errors import ExperimentError
from .phantoms import make_phantoms
from .reading import read_experiment, read_tree, to_tree, write_tree

CONFIG, COHORT, SPLITS, CACHE, PHANTOMS = "config.yaml", "cohort.csv", "splits.json", "cache", "phantoms"


@dataclass(frozen=True)
class Prepared:
    """cohort: as read from the run's own manifest."""

    cohort: Cohort
    cache: Cache


def experiment_of(run: Path) -> Experiment:
    """What a run is of. Raises ExperimentError: no_run, bad_config."""
    if not (run / CONFIG).is_file():
        raise ExperimentError("no_run", f"{run} is not the folder of a run.", "Give one, such as runs/phantom.")
    return read_experiment(str(run / CONFIG))


def cache_settings(experiment: Experiment) -> CacheSettings:
    return CacheSettings(experiment.preprocessing, experiment.dose_levels, experiment.scanner)


def tracers_of(cohort: Cohort) -> tuple[str, ...]:
    """The PET tracers that any case has."""
    return tuple(t for t in TRACERS if any(getattr(case.files, f"pet_{t}") is not None for case in cohort.cases))


def prepare(experiment: Experiment, run: Path, jobs: int = 1) -> Prepared:
    """Makes what is missing. What is there is verified, and nothing is touched if it is of another experiment.

    jobs: processes side by side. Raises ExperimentError (bad_setting, no_cohort, other_config, other_cohort,
    not_written), MethodError, CohortError.
    """
    check_settings(experiment)
    tree = to_tree(experiment)
    _check_same(tree, run)
    # What can be wrong is found before the folder is made; phantoms have both tracers.
    given = None if experiment.cohort is None else read_manifest(experiment.cohort, allow_unlabelled=True)
    check_networks(experiment, TRACERS if given is None else tracers_of(given))
    try:
        run.mkdir(parents=True, exist_ok=True)
        write_tree(tree, run / CONFIG)
        cases = make_phantoms(experiment.phantoms, run / PHANTOMS, jobs) if given is None else given.cases
        cohort = _keep_cohort(cases, run)
        _keep_folds(experiment, cohort, run)
    except OSError as error:
        raise ExperimentError(
            "not_written",
            f"The run cannot be written to {run}: {error.strerror or error}.",
            "Choose another place with --out, or free some space, and start again: what is done is kept.",
        ) from error
    return Prepared(cohort, build_cache(cohort, run / CACHE, cache_settings(experiment), jobs))


def _check_same(tree: dict, run: Path) -> None:
    """Raises ExperimentError other_config."""
    if not (run / CONFIG).exists():
        return
    found = read_tree(run / CONFIG)
    if lines := differences(found if isinstance(found, dict) else {}, tree, "the run"):
        raise ExperimentError(
            "other_config",
            f"The run {run} is of another configuration:\n" + "\n".join(f"  {line}" for line in lines),
            "Go back to that one, or give the new run another name with --name.",
        )


def _keep_cohort(cases, run: Path) -> Cohort:
    """The run's own manifest, whatever becomes of the one it was made from."""
    new = run / f"new_{COHORT}"
    write_manifest(cases, new)
    if (run / COHORT).exists() and (run / COHORT).read_bytes() != new.read_bytes():
        new.unlink()
        raise ExperimentError(
            "other_cohort",
            f"The cohort has changed since the run {run} was started: it is not what the run's {COHORT} holds.",
            "Take the manifest back to what it was, or give the new run another name with --name.",
        )
    new.replace(run / COHORT)
    return read_manifest(run / COHORT, allow_unlabelled=True)


def _keep_folds(experiment: Experiment, cohort: Cohort, run: Path) -> None:
    """Raises CohortError: bad_folds, bad_splits, other_manifest, and those of making them."""
    if (run / FOLDS).exists():
        folds = Folds.read(run / FOLDS, cohort)
    else:
        folds = make_folds(cohort, experiment.folds, experiment.split_seed)
        folds.write(run / FOLDS)
    if (run / SPLITS).exists():
        read_splits(run / SPLITS, cohort)
    else:
        splits = make_splits(cohort, folds, experiment.validation_share, experiment.split_seed)
        write_splits(splits, cohort, run / SPLITS)
