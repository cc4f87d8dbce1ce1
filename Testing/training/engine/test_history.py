import csv
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.engine.history import TensorBoard, write_history


def test_every_row_is_there_with_all_columns(tmp_path):
    write_history(tmp_path, [{"epoch": 1, "loss": 0.1}, {"epoch": 2, "loss": 1 / 3, "kd": 2.0}])
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["kd"] for row in rows] == ["", "2.0"]
    assert float(rows[1]["loss"]) == 1 / 3  # to the last digit
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


def test_curves_show_each_epoch_once_though_a_killed_training_had_shown_more(tmp_path):
    killed = TensorBoard(tmp_path, 1)
    for epoch in (1, 2, 3):
        killed.add({"epoch": epoch, "loss": 10.0 * epoch}, 1.0)
    time.sleep(1.1)  # files are read in the order of the seconds they were begun in
    # Its checkpoint was of epoch 2.
    resumed = TensorBoard(tmp_path, 3)
    for epoch in (3, 4):
        resumed.add({"epoch": epoch, "loss": float(epoch)}, 1.0)
    killed.close()
    resumed.close()
    curves = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert set(curves.Tags()["scalars"]) == {"loss", "seconds"}
    assert [(event.step, event.value) for event in curves.Scalars("loss")] == [(1, 10), (2, 20), (3, 3), (4, 4)]
