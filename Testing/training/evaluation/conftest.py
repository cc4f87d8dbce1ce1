from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy.special import softmax

from Testing.training.evaluation.made_runs import FOLDS, predictions_of, write_run


def random_scores(seed: int, cases: int = 60, classes: int = 3, skill: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels with every class, and probabilities that know of them by `skill`."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(cases) % classes)
    logits = generator.normal(size=(cases, classes))
    logits[np.arange(cases), labels] += skill
    return labels, softmax(logits, axis=1)


@pytest.fixture
def scores() -> Callable:
    return random_scores


@pytest.fixture
def predicted() -> Callable:
    return predictions_of


@pytest.fixture
def folds() -> list[list[str]]:
    return FOLDS


@pytest.fixture
def run_of(tmp_path) -> Callable:
    """Writes a run, as `made_runs.write_run` does."""
    return partial(write_run, tmp_path / "run")
