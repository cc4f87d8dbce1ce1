"""One case from files to a result folder: what the command line, the worker and the batch all call."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..imaging.case import Case
from .drawing import Picture
from .prediction import Prediction, new_folder
from .predictor import Predictor, Progress, silent
from .report import write_report
from .slice_pictures import slice_pictures

REPORT_NAME = "report.html"
Extras = Callable[[Prediction, Case, Path], list[Picture]]
"""Adds files to the folder that is being written, and returns pictures for the report."""


@dataclass(frozen=True, kw_only=True)
class CaseFiles:
    """The files of a case, as `Case.from_files` takes them."""

    ct: Path | str
    segmentation: Path | str | None = None
    liver: Path | str | None = None
    tumor: Path | str | None = None
    pet_fdg: Path | str | None = None
    pet_act: Path | str | None = None
    liver_segment: str | None = None
    tumor_segment: str | None = None
    acquisition: int | None = None
    name: str = "case"

    def read(self) -> Case:
        return Case.from_files(**asdict(self))


def run_case(
    predictor: Predictor,
    files: CaseFiles,
    out: Path | str,
    progress: Progress = silent,
    report: bool = True,
    extras: Extras | None = None,
) -> Prediction:
    """Reads, predicts and writes a result folder: whole, or not at all.

    progress: the stages are read, preprocess, network, explain, write, finish; raising in it stops the run.
    Raises CaseError, DeviceError, OutputError.
    """
    progress("read", 0.0)
    case = files.read()
    prediction = predictor.predict(case, progress)
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
    roles = ("ct", "segmentation", "liver", "tumor", "pet_fdg", "pet_act")
    return replace(files, **{role: base / path for role in roles if (path := getattr(files, role)) is not None})
