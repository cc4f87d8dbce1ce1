"""The trained networks of a run, with the cases that they were not trained on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from REACTKDLib.inference.case_files import CaseFiles
from REACTKDLib.networks.batch import ModalityBatch

from ..cohorts.manifest import read_manifest
from ..data.batch import TrainingBatch
from ..data.draw_settings import Evaluation
from ..engine.cases import Cases
from ..engine.jobs import Job
from ..engine.measuring import AT_ONCE, evaluations, tracers_read
from ..engine.results import read_result
from ..evaluation.errors import EvaluationError
from ..evaluation.run_folder import DONE
from ..experiments.errors import ExperimentError
from ..experiments.jobs import jobs_of
from ..experiments.preparation import COHORT, experiment_of
from ..experiments.training_job import cases_of


@dataclass(frozen=True)
class HeldOut:
    """A trained network and the fold that it has not seen.

    network: in evaluation mode. cases: with the CT constants that it was trained with. files: of every case, by name.
    evaluation: what the network is given.
    """

    job: Job
    network: nn.Module
    cases: Cases
    files: Mapping[str, CaseFiles]
    evaluation: Evaluation

    @property
    def names(self) -> tuple[str, ...]:
        """The held-out cases that have one of the inputs."""
        return self.cases.having(self.cases.test, self.evaluation.inputs)

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    def batches(self, names: Sequence[str], size: int = AT_ONCE) -> Iterator[tuple[TrainingBatch, ModalityBatch]]:
        """The cases in the order given, and of each batch what the network reads."""
        for batch in self.cases.batches(names, self.evaluation, self.device, size):
            yield batch, self.read(batch)

    def read(self, batch: TrainingBatch) -> ModalityBatch:
        """What the network is given of it."""
        return batch.for_student() if self.network.architecture.network == "student" else batch.for_teacher()


def read_networks(
    run: Path | str,
    names: Sequence[str],
    fold: int,
    seed: int,
    *,
    inputs: Sequence[str] | None = None,
    device: torch.device | str = "cpu",
) -> tuple[HeldOut, ...]:
    """The networks of finished jobs, such as `student-react_kd`, of one fold and seed.

    inputs: what they are given; if None, all that each of them reads: a teacher all its tracers, a student the first.
    Raises ExperimentError: no_run, unknown_network, not_done; EvaluationError not_read; TrainingError, CohortError.
    """
    run = Path(run)
    jobs = [_job(run, name, fold, seed) for name in names]
    cases = cases_of(experiment_of(run), run, fold)
    files = {case.name: case.files for case in read_manifest(run / COHORT, allow_unlabelled=True).cases}
    found = []
    for job in jobs:
        trained = read_result(run / job.folder)
        evaluation = _evaluation(job, trained.network, cases, inputs)
        of_network = replace(cases, spec=trained.spec)
        found.append(HeldOut(job, trained.network.to(device), of_network, files, evaluation))
    return tuple(found)


def require_one_fold(networks: Mapping[str, HeldOut]) -> HeldOut:
    """The first of them. Raises EvaluationError other_folds where they do not have their held-out cases in common."""
    first = next(iter(networks.values()))
    if others := [title for title, of in networks.items() if of.cases.test != first.cases.test]:
        raise EvaluationError(
            "other_folds",
            f"{', '.join(others)}: held out other cases than {next(iter(networks))}.",
            "Compare networks of one fold: those of another learnt from its cases, and have features of their own.",
        )
    return first


def _job(run: Path, name: str, fold: int, seed: int) -> Job:
    jobs = jobs_of(experiment_of(run))
    named = [job for job in jobs if job.folder.name == name]
    if not named:
        known = ", ".join(dict.fromkeys(job.folder.name for job in jobs))
        raise ExperimentError("unknown_network", f"The run {run.name} has no network {name}.", f"It has: {known}.")
    done = [job for job in named if (run / job.folder / DONE).is_file()]
    for job in done:
        if (job.fold, job.seed) == (fold, seed):
            return job
    which = "; ".join(f"fold {job.fold}, seed {job.seed}" for job in done)
    raise ExperimentError(
        "not_done",
        f"{name} of {run.name} is not trained for fold {fold} and seed {seed}.",
        f"Finish the run, or choose among: {which}." if which else "Finish the run first.",
    )


def _evaluation(job: Job, network: nn.Module, cases: Cases, inputs: Sequence[str] | None) -> Evaluation:
    architecture = network.architecture
    possible = evaluations(architecture.network, tracers_read(architecture, cases.tracers), ())
    if inputs is None:
        return possible[0]
    for evaluation in possible:
        if set(evaluation.inputs) == set(inputs):
            return evaluation
    known = ", ".join("+".join(evaluation.inputs) for evaluation in possible)
    raise EvaluationError("not_read", f"{job.title} was not tested with {'+'.join(inputs)}.", f"It was with: {known}.")
