"""One case from files to a result folder: what the command line, the worker and the batch all call."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..imaging.case import Case
from ..imaging.errors import Finding
from ..imaging.roles import PATH_NAMES
from .case_files import CaseFiles
from .drawing import Picture
from .prediction import Prediction, new_folder
from .predictor import Predictor, Progress, silent
from .report import write_report
from .slice_pictures import slice_pictures

REPORT_NAME = "report.html"
Extras = Callable[[Prediction, Case, Path], list[Picture]]
"""Adds files to the folder that is being written, and returns pictures for the report."""


def run_case(
    predictor: Predictor,
    files: CaseFiles,
    out: Path | str,
    progress: Progress = silent,
    report: bool = True,
    extras: Extras | None = None,
    findings: Sequence[Finding] = (),
) -> Prediction:
    """Reads, predicts and writes a result folder: whole, or not at all.

    progress: the stages are read, preprocess, network, explain, write, finish; raising in it stops the run.
    findings: what the caller knows besides, and the result shall say (that it was retried on the CPU).
    Raises CaseError, DeviceError, OutputError.
    """
    progress("read", 0.0)
    case = files.read()
    prediction = predictor.predict(case, progress).with_findings(*findings)
    progress("write", 0.85)
    with new_folder(out) as folder:
        prediction.write(folder)
        pictures = extras(prediction, case, folder) if extras else []
        if report:
            pictures = [*slice_pictures(prediction, case.ct, case.pet), *pictures]
            write_report(prediction, pictures, folder / REPORT_NAME)
        progress("finish", 1.0)
    return prediction


def with_base(files: CaseFiles, base: Path) -> CaseFiles:
    """Relative paths, taken as relative to `base`."""
    return replace(files, **{PATH_NAMES[role]: base / path for role, path in files.paths.items()})
