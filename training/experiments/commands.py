"""`reactkd-train run`, `status` and `export`."""

import sys
from pathlib import Path
from typing import Literal

from ..engine.processes import is_first_process
from .reading import config_path, read_experiment
from .runner import Report, run_experiment
from .status import status_lines

JOBS_FAILED, INTERRUPTED = 1, 130
"""Exit statuses."""


def run_config(
    experiment: str,
    out: Path = Path("runs"),
    name: str | None = None,
    cohort: Path | None = None,
    external: Path | None = None,
    settings: str | None = None,
    set: list[str] | None = None,
    without: list[str] | None = None,
    jobs: int = 1,
    backend: Literal["local", "ray"] = "local",
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Trains all networks of an experiment; the same command goes on where it was stopped.

    The exit status is 1 if a job failed, 2 if nothing could be done, 130 after Ctrl-C.

    Args:
        experiment: one of those that come with it, such as smoke, phantom or paper, or a YAML file.
        out: folder of runs.
        name: of this run's folder within it; that of the configuration if not given.
        cohort: manifest of the cases, instead of what the configuration says.
        external: manifest of another hospital's cases to test all networks on, instead of what the configuration says.
            A run that is done gets their predictions without any training.
        settings: experiment whose preprocessing and training all networks get, such as paper for patients; what they
            are compared for stays.
        set: a change to the configuration, such as students.react_kd.optimisation.epochs=3, or of all students
            students.*.width=64; may be given several times.
        without: students to leave out, such as mtcm_kd,awmtkd.
        jobs: networks side by side, each with its share of the cores.
        backend: processes of this machine, or of a Ray cluster.
        device: what networks are trained on.
    """
    left_out = [name for names in without or () for name in names.split(",")]
    chosen = read_experiment(experiment, set or (), cohort, external, settings=settings, without=left_out)
    if cohort is not None and settings is None and is_first_process():
        _warn_if_of_phantoms(experiment)
    run = Path(out) / (name or config_path(experiment).stem)
    try:
        report = run_experiment(chosen, run, jobs=jobs, backend=backend, device=device)
    except KeyboardInterrupt:
        print(f"\nInterrupted. The same command goes on; reactkd-train status {run} says where.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    if is_first_process():
        _say(report, run)
    if not report.all_done:
        sys.exit(JOBS_FAILED)


def _warn_if_of_phantoms(config: str) -> None:
    """For an experiment that would make phantoms, where a cohort takes their place."""
    written = read_experiment(config)
    if written.phantoms is None:
        return
    grid = "x".join(map(str, written.preprocessing.grid))
    print(
        f"{config_path(config).name} is made for phantoms: its grid of {grid}, its epochs and its augmentation are "
        "meant for them. For patients add --settings paper.",
        file=sys.stderr,
    )


def show_status(run: Path) -> None:
    """Shows which networks of a run are done, running, failed or waiting.

    Args:
        run: its folder, such as runs/phantom.
    """
    for line in status_lines(Path(run)):
        print(line)


def _say(report: Report, run: Path) -> None:
    if report.all_done:
        print(f"All done: {run}")
        return
    print(f"Not all of {run} is done:", file=sys.stderr)
    for outcome in report.failed:
        error = outcome.error
        print(f"  {outcome.job.title}: {error['code']}: {error['message']} {error['hint']}".rstrip(), file=sys.stderr)
    for job in report.skipped:
        print(f"  {job.title}: skipped, its teacher is not done", file=sys.stderr)


def export_network(
    run: Path,
    out: Path = Path("model"),
    network: str | None = None,
    fold: Literal["best", "ensemble"] | int = "best",
    seed: int | None = None,
) -> None:
    """Writes a trained network as a model folder for 3D Slicer and `reactkd predict`.

    Args:
        run: folder of the run.
        out: the model folder.
        network: such as student-react_kd or teacher-dual; the first student if not given.
        fold: the fold whose network it is, best for that of the highest validation macro-AUC, or ensemble for all folds
            as one network.
        seed: of the run's seeds; the first if not given.
    """
    run = Path(run)
    # Imported here: it needs everything.
    from .export import export_model, first_network

    exported = export_model(run, Path(out), network=network or first_network(run), fold=fold, seed=seed)
    card = exported.card
    print(f"{out}: {card.name}, fold {', '.join(map(str, exported.folds))}, temperature {card.temperature:.2f}")
    for name, value in card.metrics.items():
        print(f"  {name}: {value}")
