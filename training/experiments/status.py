"""Where a run is, as a table."""

from collections import Counter
from pathlib import Path

from .jobs import jobs_of
from .preparation import experiment_of
from .progress import Progress, progress_of
from .record import failure_of

HEAD = ("job", "fold", "seed", "state", "epoch", "best AUC", "time left")


def progress_of_run(run: Path) -> list[Progress]:
    """Of every job, in the order in which they are trained. Raises ExperimentError: no_run, bad_config."""
    experiment = experiment_of(run)
    return [progress_of(experiment, run, job) for job in jobs_of(experiment)]


def status_lines(run: Path) -> list[str]:
    """A line for each job, why those that failed did, and how many there are of each. Raises as `progress_of_run`."""
    found = progress_of_run(run)
    rows = [HEAD, *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for progress in found:
        if progress.state == "failed" and (error := failure_of(run / progress.job.folder)):
            lines.append(f"{progress.job.title}: {error['code']}: {error['message']} {error['hint']}")
    counts = Counter(progress.state for progress in found)
    return [*lines, ", ".join(f"{count} {state}" for state, count in counts.items())]


def _row(progress: Progress) -> tuple[str, ...]:
    job = progress.job
    return (
        f"{job.kind} {job.name}",
        str(job.fold),
        str(job.seed),
        progress.state,
        f"{progress.epoch} of {progress.epochs}",
        "" if progress.best_auc is None else f"{progress.best_auc:.3f} ({progress.best_epoch})",
        "" if progress.seconds_left is None else _duration(progress.seconds_left),
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
