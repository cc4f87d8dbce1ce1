"""Gromov-Wasserstein of a batch of region graphs, forward and backward."""

import numpy as np
import ot
import torch

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.cpu import tune_allocator
from REACTKDLib.networks.region_graph import RegionGraph, region_graph
from Testing.benchmarks.common import Row, in_fresh_process, measure
from Testing.benchmarks.training_step import step_seconds
from training.losses.gromov_wasserstein import gromov_wasserstein_loss

CASES, CHANNELS, GRID = 8, 128, (8, 24, 24)
SIZES = ((2, 2), (4, 5), (5, 6), (6, 6), (9, 10))
"""Regions of the student's and of the teacher's graph."""
ENTROPY = 0.05
ITERATIONS, INNER_ITERATIONS = 20, 100
"""Of the baseline, which with the solver's own limits can take most of a minute a pair."""


def rows() -> list[Row]:
    step, _ = in_fresh_process(student_step_seconds)
    return [row for sizes in SIZES for row in _rows(*sizes, step)]


def _rows(n: int, m: int, step: float) -> list[Row]:
    (ours, value), peak = in_fresh_process(our_seconds, n, m)
    (entropic, entropic_value), _ = in_fresh_process(entropic_seconds, n, m)
    work = f"Gromov-Wasserstein of {CASES} pairs of {n} and {m} regions, forward + backward"
    return [
        Row(
            work,
            ours,
            "loop over POT's entropic solver",
            entropic,
            f"{ours / step:.2%} of a student's train step of {CASES} cases, fp32, 32x96x96, {step:.2f} s; "
            f"mean value {value:.4f}, the baseline's {entropic_value:.4f}",
            peak_mb=peak,
        )
    ]


def our_seconds(n: int, m: int) -> tuple[float, float]:
    """Median seconds, and the loss."""
    student, teacher = _graphs(n, m)

    def work() -> float:
        return _backward(gromov_wasserstein_loss(student, teacher), student)

    return measure(work), work()


def entropic_seconds(n: int, m: int) -> tuple[float, float]:
    """The same of the loop: one pair at a time, the gradient through the value, as POT gives it."""
    student, teacher = _graphs(n, m)
    mu, nu = (torch.from_numpy(ot.unif(k).astype(np.float32)) for k in (n, m))

    def work() -> float:
        values = [
            ot.gromov.entropic_gromov_wasserstein2(
                ours, theirs, mu, nu, epsilon=ENTROPY, max_iter=ITERATIONS, numItermax=INNER_ITERATIONS
            )
            for ours, theirs in zip(student.edges, teacher.edges, strict=True)
        ]
        return _backward(torch.stack(values).mean(), student)

    value = work()
    return measure(work, repeats=1, warmup=0), value


def student_step_seconds() -> float:
    """One step of the student: forward, cross-entropy, backward and AdamW, eager, with the tuned allocator."""
    tune_allocator()
    torch.manual_seed(0)
    return step_seconds(build_network(Architecture(network="student")), ("ct", "fdg"), CASES, repeats=2)


def _graphs(n: int, m: int) -> tuple[RegionGraph, RegionGraph]:
    """Of noisy copies of the same regions, one graph with more of them than the other where n and m differ."""
    torch.manual_seed(0)
    weights = torch.rand(CASES, max(n, m), *GRID) ** 8
    features = torch.randn(CASES, CHANNELS, *GRID)
    noisy = features + torch.randn_like(features)
    student = region_graph(noisy, weights[:, :n])
    student.edges.requires_grad_()
    return student, region_graph(features, weights[:, :m])


def _backward(loss: torch.Tensor, student: RegionGraph) -> float:
    torch.autograd.grad(loss, student.edges)
    return float(loss.detach())
