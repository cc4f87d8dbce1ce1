"""Folders of runs whose predictions are drawn at random."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from training.evaluation.predictions import Predictions, write_predictions

FOLDS = [[f"p{number}_0" for number in range(fold * 9, fold * 9 + 9)] for fold in range(3)]
"""Nine patients each, three of every grade."""


def predictions_of(
    names: Sequence[str], seed: int, skill: float = 1.0, split: str = "test", inputs: str = "ct"
) -> Predictions:
    """Of cases `p<number>_<scan>`, whose label is their patient's number modulo 3."""
    numbers = [int(name[1:].split("_")[0]) for name in names]
    labels = np.array(numbers, dtype=int) % 3
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


def write_run(
    run: Path,
    jobs: Mapping[str, float],
    seeds: Sequence[int] = (0,),
    unfinished: Sequence[tuple[int, int, str]] = (),
    inputs: Sequence[str] = ("ct",),
    others: Mapping[str, Sequence[str]] | None = None,
    only: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """jobs: skill by name. unfinished: begun without a result, as (fold, seed, job).

    others: splits beside the held-out cases, with the names that every job predicts. only: by inputs, the cases that
    have them, where not all do.
    """
    run.mkdir(exist_ok=True)
    (run / "folds.json").write_text(json.dumps({"validation": FOLDS}))
    for fold, names in enumerate(FOLDS):
        for seed in seeds:
            for number, (job, skill) in enumerate(jobs.items()):
                folder = run / f"fold{fold}" / f"seed{seed}" / job
                folder.mkdir(parents=True)
                if (fold, seed, job) in unfinished:
                    continue
                splits = {"test": names, **(others or {})}
                having = {i: (only or {}).get(i) for i in inputs}
                parts = [
                    predictions_of(
                        [name for name in of_split if having[i] is None or name in having[i]],
                        100 * fold + 10 * seed + number,
                        skill,
                        split=split,
                        inputs=i,
                    )
                    for split, of_split in splits.items()
                    for i in inputs
                ]
                fields = {f: np.concatenate([getattr(p, f) for p in parts if len(p)]) for f in vars(parts[0])}
                write_predictions(folder / "predictions.csv", Predictions(**fields))
                (folder / "done.json").write_text("{}")
    return run
