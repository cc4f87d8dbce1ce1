from pathlib import Path

import pytest
import torch

from Testing.training.engine.tiny import no_file_above
from training.engine.checkpoint import NAME, read_checkpoint, write_checkpoint
from training.engine.errors import TrainingError

IDENTITY = {
    "settings": {"epochs": 3, "optimisation": {"patience": None, "weights": (1.5, 1.0)}},
    "training": ["a", "b"],
}


def state(value: float = 1.0) -> dict:
    return {"epoch": 2, "history": [{"loss": value}], "kept": {"weight": torch.full((4, 50_000), value)}}


def test_what_was_written_is_read_back(tmp_path):
    write_checkpoint(tmp_path, state(), IDENTITY)
    found = read_checkpoint(tmp_path, IDENTITY)
    assert found.keys() == state().keys()
    assert found["epoch"] == 2
    assert found["history"] == [{"loss": 1.0}]
    assert torch.equal(found["kept"]["weight"], state()["kept"]["weight"])
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_there_is_none_before_the_first(tmp_path):
    assert read_checkpoint(tmp_path, IDENTITY) is None


def test_one_of_other_settings_is_refused_and_every_difference_named(tmp_path):
    write_checkpoint(tmp_path, state(), IDENTITY)
    changed = {
        "settings": {"epochs": 4, "optimisation": {"patience": 5, "weights": (1.5, 1.0)}},
        "training": ["a", "b"],
    }
    with pytest.raises(TrainingError) as caught:
        read_checkpoint(tmp_path, changed)
    assert caught.value.code == "other_settings"
    assert caught.value.message.splitlines()[1:] == [
        "  settings.epochs: 3 in the checkpoint, 4 now",
        "  settings.optimisation.patience: None in the checkpoint, 5 now",
    ]


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_damaged_one_is_refused_in_words(tmp_path, kept):
    write_checkpoint(tmp_path, state(), IDENTITY)
    path = tmp_path / NAME
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(TrainingError, match="cannot be read") as caught:
        read_checkpoint(tmp_path, IDENTITY)
    assert caught.value.code == "broken_checkpoint"
    assert str(tmp_path) in caught.value.hint


def test_a_file_that_is_something_else_is_refused_in_words(tmp_path):
    torch.save([1, 2], tmp_path / NAME)
    with pytest.raises(TrainingError, match="cannot be read"):
        read_checkpoint(tmp_path, IDENTITY)


@pytest.fixture
def small_disk():
    """Which takes no file of more than half a checkpoint."""
    with no_file_above(400_000):
        yield


def test_a_full_disk_leaves_the_one_before_whole_and_says_so(tmp_path: Path, request):
    write_checkpoint(tmp_path, state(1.0), IDENTITY)
    request.getfixturevalue("small_disk")
    with pytest.raises(TrainingError, match=r"cannot be written \(File too large\)") as caught:
        write_checkpoint(tmp_path, state(2.0), IDENTITY)
    assert caught.value.code == "not_written"
    assert "epoch before" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert float(read_checkpoint(tmp_path, IDENTITY)["kept"]["weight"][0, 0]) == 1.0


def test_a_folder_that_is_gone_is_said(tmp_path):
    with pytest.raises(TrainingError, match="No such file"):
        write_checkpoint(tmp_path / "nowhere", state(), IDENTITY)
