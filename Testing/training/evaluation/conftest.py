import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from training.evaluation.predictions import Predictions, write_predictions


def random_scores(seed: int, cases: int = 60, classes: int = 3, skill: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels with every class, and probabilities that know of them by `skill`."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(cases) % classes)
    logits = generator.normal(size=(cases, classes))
    logits[np.arange(cases), labels] += skill
    return labels, softmax(logits, axis=1)


def predictions_of(names: list[str], seed: int, skill: float = 1.0, split: str = "test", inputs: str = "ct"):
    """Of cases `p<number>_<scan>`, whose label is their patient's number modulo 3."""
    numbers = [int(name[1:].split("_")[0]) for name in names]
    labels = np.array(numbers) % 3
    logits = np.random.default_rng(seed).normal(size=(len(names), 3))
    logits[np.arange(len(names)), labels] += skill
    count = len(names)
    return Predictions(
        cases=np.array(names),
        patients=np.array([f"patient{number}" for number in numbers]),
        labels=labels,
        logits=logits,
        split=np.array([split] * count),
        inputs=np.array([inputs] * count),
        dose=np.array(["native"] * count),
    )


FOLDS = [[f"p{number}_0" for number in range(fold * 9, fold * 9 + 9)] for fold in range(3)]
"""Nine patients each, three of every grade."""


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
def run_of(tmp_path) -> Callable[..., Path]:
    """Writes a run: jobs as {name: skill}, seeds, without the jobs named as (fold, seed, name).

    others: splits beside the held-out cases, with the names that every job predicts.
    """

    def write(jobs: dict[str, float], seeds=(0,), unfinished=(), inputs=("ct",), others=None) -> Path:
        run = tmp_path / "run"
        run.mkdir()
        (run / "folds.json").write_text(json.dumps({"validation": FOLDS}))
        for fold, names in enumerate(FOLDS):
            for seed in seeds:
                for number, (job, skill) in enumerate(jobs.items()):
                    folder = run / f"fold{fold}" / f"seed{seed}" / job
                    folder.mkdir(parents=True)
                    if (fold, seed, job) in unfinished:
                        continue
                    splits = {"test": names} | (others or {})
                    parts = [
                        predictions_of(of_split, 100 * fold + 10 * seed + number, skill, split=split, inputs=i)
                        for split, of_split in splits.items()
                        for i in inputs
                    ]
                    fields = {f: np.concatenate([getattr(p, f) for p in parts]) for f in vars(parts[0])}
                    write_predictions(folder / "predictions.csv", Predictions(**fields))
                    (folder / "done.json").write_text("{}")
        return run

    return write
