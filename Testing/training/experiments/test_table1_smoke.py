"""Every method and control, from nothing to a report, as the documentation has it."""

import csv
import json
import math
import subprocess
import sys

import pytest

from training.experiments.reading import read_experiment, to_tree
from training.methods import method_names

pytestmark = pytest.mark.slow
NO_TERMS = {"epoch", "loss", "gradient_norm", "macro_auc", "nll"}


def reactkd_train(*arguments) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from training.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_all_methods() -> list[str]:
    """A method that the file does not name is trained as KD is there."""
    students = to_tree(read_experiment("table1-smoke"))["students"]
    absent = [name for name in method_names() if name not in students]
    changes = [f"students.{name}={json.dumps(students['kd'] | {'method': name})}" for name in absent]
    return [word for change in changes for word in ("--set", change)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    reactkd_train("run", "table1-smoke", "--out", out, "--device", "cpu", *with_all_methods())
    return out / "table1-smoke"


def test_every_term_of_every_method_is_at_work(run):
    histories = sorted(run.glob("fold0/seed0/*/metrics.csv"))
    assert {f"student-{name}" for name in method_names()} <= {path.parent.name for path in histories}
    for path in histories:
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        terms = {name for name in rows[0] if name not in NO_TERMS and not name.startswith("auc_")}
        assert {"cls", "focus", "lesion"} <= terms
        values = [float(row[name]) for row in rows for name in terms]
        assert all(math.isfinite(value) and value != 0 for value in values), path.parent.name


def test_its_report_has_all_methods_beside_the_paper_and_lacks_nothing(run):
    told = reactkd_train("report", run, "--explanations", 1, "--device", "cpu")
    assert "not in it" not in told
    table = (run / "report/tables/table1.md").read_text(encoding="utf-8")
    assert all(f"student-{name}" in table for name in method_names())
    assert "says nothing about patients" in table
    assert "Not in this report" not in (run / "report/index.html").read_text(encoding="utf-8")
