"""What a network says of cases it was not trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from REACTKDLib.networks.architecture import BRANCHES, Architecture

from ..data.draw_settings import NATIVE, Evaluation
from ..evaluation.entries import TEST, VALIDATION
from ..evaluation.metrics import measure
from ..evaluation.predictions import Predictions
from .cases import Cases

AT_ONCE = 8
"""Cases of a batch, in evaluation."""


def evaluations(network: str, tracers: Sequence[str], levels: Sequence[str]) -> tuple[Evaluation, ...]:
    """What a network is tested with: a teacher all tracers at once, a student each of them, none, and no CT.

    network: teacher or student. tracers: that it reads. levels: doses beside the native one, for every input with CT.
    """
    if network == "teacher":
        inputs = [("ct", *tracers)]
    else:
        inputs = [*(("ct", tracer) for tracer in tracers), ("ct",)]
    doses = (NATIVE, *(level for level in levels if level != NATIVE))
    found = [Evaluation(inputs=names, level=level) for names in inputs for level in doses]
    if network == "student":
        found += [Evaluation(inputs=(tracer,)) for tracer in tracers]
    return tuple(found)


def tracers_read(architecture: Architecture, tracers: Sequence[str]) -> tuple[str, ...]:
    """Those that a network reads: a student its own, a teacher those of the cohort's that one of its branches takes."""
    if architecture.network == "student":
        return architecture.tracers
    taken = {stream for branch in architecture.branches for stream in BRANCHES[branch]}
    return tuple(tracer for tracer in tracers if tracer in taken)


@dataclass(frozen=True)
class Logits:
    """names: of N cases. values: (N, K) float64."""

    names: tuple[str, ...]
    values: np.ndarray


@torch.inference_mode()
def logits_of(
    network: nn.Module, cases: Cases, names: Sequence[str], evaluation: Evaluation, device: torch.device
) -> Logits:
    """In float32. Cases that have none of the inputs are left out."""
    student = network.architecture.network == "student"
    readable = cases.having(names, evaluation.inputs)
    if not readable:
        return Logits((), np.empty((0, network.architecture.classes)))
    found = [
        network(batch.for_student() if student else batch.for_teacher()).logits.double().cpu()
        for batch in cases.batches(readable, evaluation, device, AT_ONCE)
    ]
    return Logits(readable, torch.cat(found).numpy())


def validate(
    network: nn.Module, cases: Cases, measured: Sequence[Evaluation], device: torch.device
) -> dict[str, float]:
    """Macro-AUC with each of the inputs, and its mean and that of the NLL over them (method.md, section 6)."""
    grades = np.array([cases.grades[name] for name in cases.validation])
    row, aucs, nlls = {}, [], []
    for evaluation in measured:
        logits = torch.from_numpy(logits_of(network, cases, cases.validation, evaluation, device).values)
        found = measure(grades, logits.softmax(-1).numpy(), ("auc", "nll"))
        row[f"auc_{'+'.join(evaluation.inputs)}"] = found["auc"]
        aucs.append(found["auc"])
        nlls.append(found["nll"])
    return {**row, "macro_auc": float(np.mean(aucs)), "nll": float(np.mean(nlls))}


def predict_all(network: nn.Module, cases: Cases, measured: Sequence[Evaluation], device: torch.device) -> Predictions:
    """Validation and test cases with every one of the inputs and doses."""
    return predict(network, cases, {VALIDATION: cases.validation, TEST: cases.test}, measured, device)


def predict(
    network: nn.Module,
    cases: Cases,
    splits: Mapping[str, Sequence[str]],
    measured: Sequence[Evaluation],
    device: torch.device,
) -> Predictions:
    """splits: names of the cases of each."""
    rows = []
    for split, names in splits.items():
        for evaluation in measured:
            logits = logits_of(network, cases, names, evaluation, device)
            inputs = "+".join(evaluation.inputs)
            rows += [
                (name, cases.patients[name], cases.grades[name], values, split, inputs, evaluation.level)
                for name, values in zip(logits.names, logits.values, strict=True)
            ]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Predictions(*columns)
