"""Where a network's last features put the held-out cases: t-SNE to look at, silhouette to compare."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score

from ..evaluation.checks import class_name
from ..evaluation.errors import EvaluationError
from ..evaluation.figure_style import COLORS, COLUMN_MM, MARKERS, PAGE_MM, blank_figure, print_style
from .networks import HeldOut, require_one_fold

PERPLEXITY = 30.0
"""For enough cases: scikit-learn's default."""
LEAST_CASES = 7
"""Two neighbours each, and three times as many others."""
PANEL_MM, PANEL_SHAPE = 60, 0.7
"""Width, and height as a part of it: the first axis is the longest."""
RULE = (
    "t-SNE of the features that the head reads, held-out cases of one fold. Silhouette: of the grades among these "
    "features themselves, not in this plane, from −1 to 1."
)


@dataclass(frozen=True)
class Embedding:
    """N cases. plane: (N, 2), t-SNE; its axes have no unit. grades: (N,). silhouette: of the grades in the features."""

    plane: np.ndarray
    grades: np.ndarray
    silhouette: float


@torch.inference_mode()
def penultimate_features(of: HeldOut) -> tuple[np.ndarray, np.ndarray]:
    """The global average of the fused map of every held-out case, and its grade: (N, C) float64 and (N,)."""
    rows, grades = [], []
    for batch, inputs in of.batches(of.names):
        rows.append(of.network(inputs).features.double().mean((2, 3, 4)).cpu())
        grades.append(batch.labels.cpu())
    return torch.cat(rows).numpy(), torch.cat(grades).numpy()


def embed(features: np.ndarray, grades: np.ndarray, seed: int = 0) -> Embedding:
    """features: (N, C). grades: (N,). Euclidean distances throughout.

    The perplexity is `PERPLEXITY`, or a third of the other cases where they are fewer than 90. Raises EvaluationError
    too_few_cases: fewer than `LEAST_CASES`, all of one grade, or each of its own.
    """
    kinds = len(np.unique(grades))
    if len(grades) < LEAST_CASES or not 2 <= kinds < len(grades):
        raise EvaluationError(
            "too_few_cases",
            f"{len(grades)} cases of {kinds} grades have no neighbours to look at.",
            f"Take a fold with {LEAST_CASES} cases or more, of two grades or more.",
        )
    perplexity = min(PERPLEXITY, (len(grades) - 1) / 3)
    plane = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(features)
    return Embedding(plane, grades, float(silhouette_score(features, grades)))


def embeddings_of(networks: Mapping[str, HeldOut], seed: int = 0) -> dict[str, Embedding]:
    """By title. Raises EvaluationError: other_folds, too_few_cases."""
    require_one_fold(networks)
    return {title: embed(*penultimate_features(of), seed) for title, of in networks.items()}


def embedding_figure(embeddings: Mapping[str, Embedding], *, note: str = "") -> Figure:
    """A panel for each network, side by side, of the same held-out cases."""
    count = len(embeddings)
    with print_style():
        width = min(PAGE_MM, max(COLUMN_MM, PANEL_MM * count))
        figure = blank_figure(width, PANEL_SHAPE * width / count + 22, f"{RULE} {note}".strip())
        panels = figure.subplots(1, count, squeeze=False)[0]
        for axes, (title, of) in zip(panels, embeddings.items(), strict=True):
            _scatter(axes, of)
            axes.set_title(f"{title}\nsilhouette {of.silhouette:.2f}".replace("-0", "−0"), loc="left")
        handles, names = panels[0].get_legend_handles_labels()
        columns = len(names) if count > 1 else 2
        figure.legend(handles, names, loc="outside upper left", ncols=columns, columnspacing=1.2, handletextpad=0.2)
    return figure


def _scatter(axes: Axes, of: Embedding) -> None:
    for grade in np.unique(of.grades):
        x, y = of.plane[of.grades == grade].T
        look = {"color": COLORS[grade], "marker": MARKERS[grade], "s": 9, "linewidths": 0.3, "edgecolors": "white"}
        axes.scatter(x, y, label=class_name(int(grade)), **look)
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.spines[:].set_visible(True)
