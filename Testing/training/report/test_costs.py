import shutil
import time

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from REACTKDLib.networks.batch import ModalityBatch, NetworkOutput
from training.evaluation.bootstrap import Estimate, Resampling
from training.evaluation.predictions import Predictions, read_predictions, write_predictions
from training.evaluation.summary import POOLED, summarise
from training.report import costs as costs_module
from training.report.costs import JobCost, cost_picture, cost_points, cost_table, costs_of_run
from training.report.forward_cost import Cost, cost_of

GRID = (4, 6, 6)
FEW = Resampling(resamples=50, permutations=50)


class Counted(nn.Module):
    """A convolution, attention among its voxels, and a linear head: all that costs."""

    def __init__(self, seconds: tuple[float, ...] = (0.0,)):
        super().__init__()
        self.convolution = nn.Conv3d(3, 8, 3, padding=1)
        self.head = nn.Linear(8, 3)
        self.seconds = seconds
        self.passes = 0

    def forward(self, batch: ModalityBatch) -> NetworkOutput:
        time.sleep(self.seconds[self.passes % len(self.seconds)])
        self.passes += 1
        features = self.convolution(batch.images["ct"])
        tokens = features.flatten(2).mT[:, None]
        tokens = F.scaled_dot_product_attention(tokens, tokens, tokens)
        return NetworkOutput(self.head(tokens.mean((1, 2))), features)


def one_case(cases: int = 1) -> ModalityBatch:
    return ModalityBatch({"ct": torch.rand(cases, 3, *GRID)}, {"ct": torch.ones(cases, dtype=torch.bool)})


def test_parameters_and_multiplications_are_those_counted_by_hand():
    voxels = 4 * 6 * 6
    convolution = voxels * 8 * 3 * 27
    attention = 2 * voxels * voxels * 8  # queries with keys, weights with values
    cost = cost_of(Counted(), one_case(), "cpu", repeats=1)
    assert cost.parameters == (3 * 27 + 1) * 8 + (8 + 1) * 3
    assert cost.flops == 2 * (convolution + attention + 8 * 3)


def test_one_slow_pass_does_not_count():
    cost = cost_of(Counted((0.004, 0.004, 0.004, 0.004, 0.2)), one_case(), "cpu", repeats=5)
    assert 4 <= cost.milliseconds < 100


def test_only_one_case_is_timed():
    with pytest.raises(ValueError, match="one case"):
        cost_of(Counted(), one_case(2), "cpu")


@pytest.fixture(scope="module")
def costs(small_run):
    return costs_of_run(small_run, repeats=1, settings=FEW)


def test_every_network_of_a_run_has_its_line_and_says_what_is_missing(costs):
    table = cost_table(costs, repeats=1, note="Phantoms.")
    rows = {row[0]: row for row in table.rows}
    assert list(rows) == ["teacher-dual", "teacher-ct", "student-react_kd", "student-alone"]
    assert rows["teacher-ct"][1] == "ct"
    assert rows["teacher-dual"][1] == "ct+fdg+act"
    assert rows["teacher-dual"][-2:] == ("", "AUC incomplete")
    assert rows["student-alone"][1:] == ("", "", "", "", "", "not done")
    assert table.csv().startswith("job,inputs,parameters_millions,gflops,milliseconds,auc,")
    assert rows["student-react_kd"][2].value > 0
    assert "counted as two" in table.remarks[0]


def test_the_table_says_which_folds_an_auc_is_of(costs, small_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    lines = (run / "config.yaml").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("only_folds")]
    (run / "config.yaml").write_text("\n".join([*kept, "only_folds: [0]\n"]))
    of_one = costs_of_run(run, repeats=1, settings=FEW)
    for found, words in ((costs, "all folds pooled"), (of_one, "fold 0 only")):
        assert f"of held-out cases, {words}, native dose" in cost_table(found, repeats=1).remarks[0]


def test_a_point_is_a_network_with_every_fold_and_its_auc_that_of_the_summary(costs, small_run):
    (point,) = cost_points(costs, "parameters")
    assert point.name == "student-react_kd"
    of = next(of for of in costs if of.job == point.name)
    assert point.cost == of.cost.parameters / 1e6
    summary = summarise(small_run, names=("auc",), settings=FEW)
    line = (point.name, "ct+fdg", "native"), POOLED.format(level=0.95)
    (auc,) = (row[-1] for row in summary.rows if (row[:3], row[5]) == line)
    assert (point.quality.value, point.quality.low, point.quality.high) == (auc.value, auc.low, auc.high)
    (row,) = (row for row in cost_table(costs, repeats=1).rows if row[0] == point.name)
    assert row[5] == auc
    axes = cost_picture(costs, "milliseconds").axes[0]
    assert axes.get_xlabel() == "Milliseconds a case"


def test_networks_of_one_cost_are_a_point_with_the_range_of_their_auc_and_say_how_many_they_are():
    alike, other = Cost(2_000_000, 10**9, 30.0), Cost(1_000_000, 10**9, 20.0)
    aucs = {"a": 0.9, "b": 0.7, "c": 0.8}
    costs = [JobCost(job, "ct+fdg", alike, Estimate(value, value - 0.05, value + 0.05)) for job, value in aucs.items()]
    costs.append(JobCost("teacher-ct", "ct", other, Estimate(0.6, None, None)))
    several, one = cost_points(costs, "parameters", {"teacher-ct": "Teacher (ct)"})
    assert several.name == "3 networks (ct+fdg), median and range"
    assert (several.cost, several.quality) == (2.0, Estimate(0.8, 0.7, 0.9))
    assert (one.name, one.cost, one.quality.low) == ("Teacher (ct)", 1.0, None)


def test_an_architecture_is_timed_once_however_many_networks_have_it(small_run, monkeypatch):
    """Of react_kd and alone there is one student; without its teachers, nothing else."""
    run = small_run.with_name("twice")
    shutil.copytree(small_run, run)
    for fold in range(3):
        shutil.copytree(run / f"fold{fold}/seed0/student-react_kd", run / f"fold{fold}/seed0/student-alone")
    timed = []

    def cost_of_one(network, *_):
        timed.append(network.architecture)
        return Cost(1, 1, float(len(timed)))

    monkeypatch.setattr(costs_module, "cost_of", cost_of_one)
    found = {of.job: of.cost for of in costs_of_run(run, repeats=1, settings=FEW)}
    shutil.rmtree(run)
    assert found["student-react_kd"] == found["student-alone"]
    assert len(timed) == 3


def test_a_network_that_cannot_be_read_costs_its_own_line_only(small_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    (run / "fold0/seed0/student-react_kd/weights.safetensors").write_bytes(b"half")
    rows = {row[0]: row for row in cost_table(costs_of_run(run, repeats=1, settings=FEW), repeats=1).rows}
    assert rows["student-react_kd"][1:] == ("", "", "", "", "", "cannot be read")
    assert rows["teacher-dual"][2].value > 0


def test_what_a_network_costs_is_told_though_no_case_has_one_of_the_grades(small_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    for fold in range(3):
        path = run / f"fold{fold}/seed0/student-react_kd/predictions.csv"
        of = read_predictions(path)
        write_predictions(path, Predictions(**{name: values[of.labels != 1] for name, values in vars(of).items()}))
    found = costs_of_run(run, repeats=1, settings=FEW)
    rows = {row[0]: row for row in cost_table(found, repeats=1).rows}
    assert rows["student-react_kd"][2].value > 0
    assert rows["student-react_kd"][-1] == "AUC not defined: no case of grade moderately differentiated"
    assert cost_points(found, "parameters") == []
