"""From a run to a model folder that 3D Slicer and the command line open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.inference.model_card import ModelCard
from REACTKDLib.inference.model_folder import save_model
from REACTKDLib.networks.attribution import attribute, centre_head
from REACTKDLib.networks.ensemble import make_ensemble

from ..cohorts.grades import GRADES
from ..data.draw_settings import NATIVE, Evaluation
from ..engine.cases import Cases
from ..engine.jobs import Job
from ..engine.measuring import AT_ONCE, evaluations, tracers_read
from ..engine.results import Trained, read_result
from ..evaluation.bootstrap import bootstrap
from ..evaluation.calibration import validation_temperature
from ..evaluation.predictions import Predictions, join, read_predictions
from ..evaluation.run_folder import DONE, PREDICTIONS
from ..methods import method_class
from .config import Experiment
from .errors import ExperimentError
from .jobs import jobs_of
from .preparation import experiment_of
from .training_job import cases_of

REPORTED = {
    "auc": "macro_auc",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "ece": "ece",
    "nll": "nll",
}
"""Metrics of the card, and what it calls them."""
ABSTAIN_BELOW = 0.5
README = """# {name}

{training}. {metrics}

{intended_use} `model.json` holds every constant and metric. Use the folder with `reactkd predict --model`, or choose it
in the module's Model section.
"""
Fold = Literal["best", "ensemble"] | int


@dataclass(frozen=True)
class Exported:
    """folds: whose networks the model is of. temperature: fitted on validation cases."""

    card: ModelCard
    folds: tuple[int, ...]


def export_model(run: Path, out: Path, *, network: str, fold: Fold = "best", seed: int | None = None) -> Exported:
    """Writes the model folder of a student or teacher, such as `student-react_kd`.

    fold: whose network; `best` is that of the highest validation macro-AUC, `ensemble` all of them as one. seed: of the
    experiment's, the first if not given. Metrics are of held-out cases: for an ensemble each case is predicted by the
    one member that has not seen it. Raises ExperimentError, TrainingError, EvaluationError, OutputError.
    """
    experiment = experiment_of(run)
    jobs = _finished(experiment, run, network, seed)
    trained = {job.fold: read_result(run / job.folder) for job in jobs}
    folds = _chosen(trained, fold, run)
    members = [trained[fold] for fold in folds]
    predictions = {job.fold: read_predictions(run / job.folder / PREDICTIONS) for job in jobs if job.fold in folds}
    model, spec = _joined(members)
    architecture = model.architecture
    temperature = validation_temperature(list(predictions.values()))
    job = next(job for job in jobs if job.fold == folds[0])
    cases = cases_of(experiment, run, folds[0])
    tracers = tracers_read(architecture, cases.tracers)
    phantoms = experiment.phantoms is not None
    held_out = {fold: part.select(split="test", dose=NATIVE) for fold, part in predictions.items()}
    model.head = centre_head(model.head)
    card = ModelCard(
        name=f"{_title(experiment, job)}, run {run.name}" + (" (trained on phantoms)" if phantoms else ""),
        version="1",
        architecture=architecture.to_dict(),
        preprocessing=spec,
        classes=GRADES,
        tracers=tuple(tracers),
        temperature=temperature,
        abstain_below=ABSTAIN_BELOW,
        training=_training(experiment, job, members, folds, cases),
        metrics=_metrics(held_out, temperature, experiment)
        | _lesion_attention(experiment, run, folds, trained, tuple(tracers)),
        intended_use=_intended_use(phantoms),
    )
    readme = README.format(
        name=card.name,
        training=f"Trained on {card.training['data']}",
        metrics=f"Its metrics are of {card.metrics['data']}.",
        intended_use=card.intended_use,
    )
    save_model(out, model, card, readme, half=True)
    return Exported(card, folds)


def first_network(run: Path) -> str:
    """The first student of a run, or its first teacher where it has none. Raises ExperimentError."""
    jobs = jobs_of(experiment_of(run))
    return next((job for job in jobs if job.kind == "student"), jobs[0]).folder.name


def _finished(experiment: Experiment, run: Path, network: str, seed: int | None) -> list[Job]:
    """The finished jobs of a network and seed, by fold."""
    jobs = jobs_of(experiment)
    names = list(dict.fromkeys(job.folder.name for job in jobs))
    if network not in names:
        raise ExperimentError(
            "unknown_network", f"The run {run.name} has no network {network}.", f"It has: {', '.join(names)}."
        )
    seed = experiment.seeds[0] if seed is None else seed
    found = [job for job in jobs if job.folder.name == network and job.seed == seed]
    done = [job for job in found if (run / job.folder / DONE).is_file()]
    if not done:
        raise ExperimentError(
            "not_done",
            f"No fold of {network} with the seed {seed} is trained yet.",
            f"Finish the run; its seeds are {', '.join(map(str, experiment.seeds))}.",
        )
    return done


def _chosen(trained: dict[int, Trained], fold: Fold, run: Path) -> tuple[int, ...]:
    if fold == "ensemble":
        if len(trained) < 2:
            raise ExperimentError(
                "no_ensemble", f"Only one fold of {run.name} is trained.", "Train more, or export it."
            )
        return tuple(sorted(trained))
    if fold == "best":
        return (max(trained, key=lambda number: trained[number].facts["validation_macro_auc"]),)
    if fold not in trained:
        raise ExperimentError(
            "not_done", f"Fold {fold} is not trained.", f"Choose among {', '.join(map(str, sorted(trained)))}."
        )
    return (fold,)


def _joined(members: Sequence[Trained]) -> tuple[nn.Module, PreprocessingSpec]:
    spec = members[0].spec
    if len(members) == 1:
        return members[0].network, spec
    constants = [(member.spec.ct_mean, member.spec.ct_std) for member in members]
    model, (mean, std) = make_ensemble([member.network for member in members], constants)
    return model, replace(spec, ct_mean=mean, ct_std=std)


def _title(experiment: Experiment, job: Job) -> str:
    if job.kind == "teacher":
        return f"teacher {job.name}"
    return method_class(experiment.students[job.name].method).title


def _training(
    experiment: Experiment, job: Job, members: Sequence[Trained], folds: tuple[int, ...], cases: Cases
) -> dict:
    count = len(cases.training) + len(cases.validation)
    source = f"{count} synthetic PET/CT phantoms" if experiment.phantoms else f"{count} cases of a cohort"
    return {
        "data": source + (f" in each of {len(folds)} folds" if len(folds) > 1 else f" (fold {folds[0]})"),
        "phantoms": experiment.phantoms is not None,
        "method": _title(experiment, job),
        "folds": list(folds),
        "seed": job.seed,
        "best_epochs": [member.facts["best_epoch"] for member in members],
        "epochs": [member.facts["epochs"] for member in members],
    }


def _metrics(held_out: Mapping[int, Predictions], temperature: float, experiment: Experiment) -> dict:
    """Of every input whose cases have all grades: without one, most metrics have no value. held_out: by fold."""
    whole = join(held_out.values())
    fold_of = {case: fold for fold, part in held_out.items() for case in part.cases}
    found: dict = {"data": f"{_measured_on(whole, tuple(held_out), experiment)}; 95 % intervals over patients"}
    for inputs in dict.fromkeys(whole.inputs):
        part = whole.select(inputs=inputs)
        if len(set(part.labels)) < len(GRADES):
            found[f"not_measured_{_key(inputs)}"] = f"a grade is missing among its {len(part)} cases"
            continue
        networks = np.array([fold_of[case] for case in part.cases])
        probabilities = part.probabilities(temperature)
        estimates = bootstrap(part.labels, probabilities, part.patients, tuple(REPORTED), networks=networks)
        for name, title in REPORTED.items():
            key = f"{title}_{_key(inputs)}"
            of = estimates[name]
            found[key] = round(of.value, 3)
            if of.low is not None:  # of too few patients there is none
                found[f"{key}_interval"] = [round(of.low, 3), round(of.high, 3)]
    return found


def _measured_on(held_out: Predictions, folds: tuple[int, ...], experiment: Experiment) -> str:
    kind = "synthetic phantoms" if experiment.phantoms else "cases"
    how = "held out"
    if len(folds) > 1:
        how = "each predicted by the member that had not seen it, with the temperature of single members"
    if experiment.validation_share == 0:
        how += "; the same cases chose the epoch and the temperature, so the numbers are too good"
    return f"{len(set(held_out.cases))} {kind}, {how}"


@torch.inference_mode()
def _lesion_attention(
    experiment: Experiment, run: Path, folds: tuple[int, ...], trained: dict[int, Trained], tracers: tuple[str, ...]
) -> dict[str, float]:
    """Of held-out cases with a lesion, by inputs: the median of the lesions' share of all attention, and in how many of
    them lesions together speak for the grade that is predicted (method.md, section 7)."""
    found: dict[str, list[tuple[float, bool]]] = {}
    for fold in folds:
        network, cases = trained[fold].network, cases_of(experiment, run, fold)
        for evaluation in evaluations(network.architecture.network, tracers, ()):
            found.setdefault(_key("+".join(evaluation.inputs)), []).extend(_of_lesions(network, cases, evaluation))
    metrics = {}
    for inputs, of in found.items():
        if of:
            shares, for_grade = zip(*of, strict=True)
            metrics[f"median_lesion_share_{inputs}"] = round(float(np.median(shares)), 3)
            metrics[f"lesions_for_grade_{inputs}"] = round(float(np.mean(for_grade)), 3)
    return metrics


def _of_lesions(network: nn.Module, cases: Cases, evaluation: Evaluation) -> Iterator[tuple[float, bool]]:
    """Of each case with a lesion that has one of the inputs: share of the attention, whether it is for the grade."""
    names = cases.having(cases.test, evaluation.inputs)
    if not names:
        return
    for batch in cases.batches(names, evaluation, torch.device("cpu"), AT_ONCE):
        student = network.architecture.network == "student"
        output = network(batch.for_student() if student else batch.for_teacher())
        attribution = attribute(output.features, batch.lesions[:, None], centre_head(network.head))
        lesions, grades = attribution.nodes[:, 0], output.logits.argmax(1, keepdim=True)
        inside, outside = lesions.abs().sum(1), attribution.background.abs().sum(1)
        speaks = lesions.gather(1, grades).squeeze(1) > 0
        there = batch.lesions.flatten(1).any(1)
        yield from zip((inside / (inside + outside))[there].tolist(), speaks[there].tolist(), strict=True)


def _key(inputs: str) -> str:
    return inputs.replace("+", "_") if "+" in inputs else f"{inputs}_only"


def _intended_use(phantoms: bool) -> str:
    if phantoms:
        return "Trying the software. Not for patients: it was trained on synthetic phantoms only."
    return "Research on patients like those of its cohort. Not for clinical decisions."
