import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from Testing.training.engine.children import Training, finish, kill_after, seconds_of, start
from Testing.training.engine.tiny import optimisation, student_settings, teacher_settings
from training.engine.settings import Supervision

NUMBERS = ("metrics.csv", "weights.safetensors", "predictions.csv")
KILLS = 4

TRAININGS = {
    "teacher": teacher_settings(
        supervision=Supervision(lesion_supervision=0.5), optimisation=optimisation(epochs=3, accumulate=2)
    ),
    "student": student_settings(optimisation=optimisation(epochs=4)),
    "averaged student": student_settings(optimisation=optimisation(epochs=4, average=0.9)),
    "student with a memory": student_settings(method="crd", optimisation=optimisation(epochs=3, patience=2)),
}


@pytest.fixture(scope="module", params=TRAININGS)
def training(request, cases, teacher, tmp_path_factory) -> Training:
    folder = tmp_path_factory.mktemp("uninterrupted")
    return Training(cases, TRAININGS[request.param], folder, teacher)


@pytest.fixture(scope="module")
def seconds(training) -> float:
    """That it takes without a break; its numbers are those to come to."""
    return seconds_of(training)


def numbers(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in NUMBERS}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as POSIX does")
def test_killed_at_any_moment_it_comes_to_the_same_bits(training, seconds, tmp_path):
    again = replace(training, folder=tmp_path / "killed")
    killed = [kill_after(start(again), wait) for wait in np.random.default_rng(0).uniform(0.2, seconds, KILLS)]
    assert -signal.SIGKILL in killed
    assert finish(start(again)) == 0
    assert numbers(again.folder) == numbers(training.folder)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as POSIX does")
@pytest.mark.parametrize("moment", ["checkpoint", "history", "weights"])
def test_killed_at_the_worst_moment_it_comes_to_the_same_bits(training, seconds, moment, tmp_path):
    again = replace(training, folder=tmp_path / "killed")
    assert finish(start(replace(again, moment=moment))) == -signal.SIGKILL
    assert not (again.folder / "done.json").exists()
    assert finish(start(again)) == 0
    assert numbers(again.folder) == numbers(training.folder)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as POSIX does")
def test_killed_after_the_last_checkpoint_no_epoch_is_missing(cases, teacher, tmp_path):
    training = Training(cases, student_settings(), tmp_path, teacher, moment="history")
    assert training.settings.optimisation.epochs == 2  # it dies before the second epoch's row is written
    assert finish(start(training)) == -signal.SIGKILL
    assert finish(start(replace(training, moment=None))) == 0
    assert [line.split(",")[0] for line in (tmp_path / "metrics.csv").read_text().splitlines()] == ["epoch", "1", "2"]
