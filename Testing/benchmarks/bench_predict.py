"""A whole prediction from files: the first in a new process, the next on a warm worker, and two processes at once."""

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from REACTKDLib.imaging.preprocess import preprocess
from REACTKDLib.inference.batch import BatchOptions, read_cohort, run_cohort
from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.predictor import Predictor
from REACTKDLib.inference.run import CaseFiles
from REACTKDLib.networks.cpu import tune_allocator
from Testing.benchmarks.cases import clinical_case
from Testing.benchmarks.common import Row, in_fresh_process, measure

COHORT = 48
"""Cases: a small real cohort, in which the start of the processes still counts."""
REPEATS = 5


def rows() -> list[Row]:
    files = clinical_case()
    with TemporaryDirectory(prefix="reactkd-bench-") as folder:
        cold = measure(lambda: _predict_in_new_process(files, Path(folder)), repeats=REPEATS, warmup=1)
        imports = measure(_import_in_new_process, repeats=REPEATS, warmup=1)
        needed, _ = in_fresh_process(needed_seconds, files)
        warm = warm_seconds(files, Path(folder))
        (one, two), _ = in_fresh_process(cohort_seconds, files, Path(folder))
    return [
        Row(
            "predict from files, new process, no report",
            cold,
            "import torch, preprocess and forward alone",
            imports + needed,
            f"{cold / (imports + needed):.2f} x what it cannot do without (goal: at most 1.5)",
        ),
        Row(
            "predict from files, warm worker, no report",
            warm,
            "the same in a new process",
            cold,
            "a second Apply; the masks are read, refined and written again",
        ),
        Row(
            f"a cohort of {COHORT}, two processes",
            two,
            "one process",
            one,
            f"{os.cpu_count()} cores; the start of the processes is in it",
        ),
    ]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from REACTKDLib.cli import main; sys.exit(main())", *arguments]


def _predict_in_new_process(files: CaseFiles, folder: Path) -> None:
    paths = [f"--{role.replace('_', '-')}={path}" for role, path in _paths(files).items()]
    command = _command("predict", *paths, f"--out={folder / 'cold'}", "--no-report", "--device=cpu")
    subprocess.run(command, check=True, capture_output=True)


def _import_in_new_process() -> None:
    subprocess.run([sys.executable, "-c", "import torch, SimpleITK"], check=True)


def needed_seconds(files: CaseFiles) -> float:
    """Reading, preprocessing and one forward pass, in a process that has the model already."""
    tune_allocator()
    predictor = Predictor.load(demo_model(), "cpu")
    case = files.read()
    channels = preprocess(case, predictor.card.preprocessing)
    modalities, _ = predictor._modalities(channels)
    reading = measure(lambda: preprocess(files.read(), predictor.card.preprocessing), repeats=REPEATS, warmup=1)
    return reading + measure(lambda: predictor._run(modalities, channels.region_weights))


def warm_seconds(files: CaseFiles, folder: Path) -> float:
    command = [sys.executable, "-m", "REACTKDLib.inference.worker", "--model", str(demo_model()), "--device", "cpu"]
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    request = {"command": "predict", "id": "1", "out": str(folder / "warm"), "report": False}
    request["files"] = {role: str(path) for role, path in _paths(files).items()}

    def predict() -> None:
        worker.stdin.write(json.dumps(request) + "\n")
        worker.stdin.flush()
        for line in worker.stdout:
            event = json.loads(line)["event"]
            if event == "error":
                raise RuntimeError(line)
            if event == "done":
                return

    try:
        return measure(predict, repeats=REPEATS, warmup=2)
    finally:
        worker.kill()
        worker.communicate()


def cohort_seconds(files: CaseFiles, folder: Path) -> tuple[float, float]:
    """Of the whole cohort, process start included, with one and with two processes."""
    with (folder / "cohort.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["case", *_paths(files)])
        writer.writeheader()
        writer.writerows({"case": f"case_{number}", **_paths(files)} for number in range(COHORT))
    options = BatchOptions(str(demo_model()), "cpu", report=False)
    tune_allocator()
    seconds = []
    for jobs in (1, 2):
        start = time.perf_counter()
        statuses = list(run_cohort(read_cohort(folder / "cohort.csv"), folder / f"jobs_{jobs}", options, jobs))
        assert not any(status.failed for status in statuses)
        seconds.append(time.perf_counter() - start)
    return tuple(seconds)


def _paths(files: CaseFiles) -> dict[str, Path]:
    return {role: value for role, value in asdict(files).items() if isinstance(value, Path)}
