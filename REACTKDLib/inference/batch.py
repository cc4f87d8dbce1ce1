"""A cohort: many cases, one result folder each, and a summary. One bad case never stops the rest."""

import csv
import gc
import multiprocessing
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields, replace
from pathlib import Path

import SimpleITK as sitk

from ..imaging.errors import CaseError, ReactKDError
from ..imaging.reading import checksum
from ..imaging.regions import LIVER_ID
from ..imaging.roles import PATH_NAMES
from .device import find_device
from .model_card import ModelCard
from .prediction import JSON_NAME, OutputError, Prediction, cannot_write
from .predictor import Predictor
from .run import CaseFiles, Extras, run_case, with_base
from .termination import EXIT_TERMINATED, exit_on_sigterm
from .text_table import read_rows

SUMMARY_NAME = "summary.csv"
OUTDATED = "~outdated"
"""Ends the folder of a result that its case no longer has. No case's name holds the sign."""
INPUT = "input"
"""Column of the summary: which of a failed case's images is wrong, as the cohort's column of it is called."""
COLUMNS = ("case", *(f.name for f in fields(CaseFiles) if f.name != "name"))


@dataclass(frozen=True)
class CaseStatus:
    """What became of one case: `done`, `skipped` (was done already), `checked` (dry run) or `failed`.

    note: what became of an earlier result or of the summary, in words.
    """

    case: str
    status: str
    seconds: float = 0.0
    result: dict | None = None
    error: dict | None = None
    note: str = ""

    @property
    def failed(self) -> bool:
        return self.status == "failed"


@dataclass(frozen=True)
class BatchOptions:
    """model: folder. jobs: processes side by side. resume: leave alone what is done with this model and these files."""

    model: str
    device: str = "auto"
    resume: bool = False
    report: bool = True
    extras: Extras | None = None


def read_cohort(path: Path | str) -> list[CaseFiles]:
    """A CSV (commas, semicolons or tabs) with the columns case, ct and any of the others of COLUMNS.

    Paths are relative to it. Raises CaseError: missing_file, bad_cohort.
    """
    path = Path(path)
    if not path.is_file():
        raise CaseError("missing_file", f"The cohort {path} does not exist.", "Check the path.")
    try:
        reader = read_rows(path.read_bytes())
        rows, columns = list(reader), set(reader.fieldnames or ())
    except (UnicodeDecodeError, csv.Error) as error:
        raise CaseError(
            "bad_cohort", f"The cohort {path.name} cannot be read as CSV ({error}).", "Save it as CSV in UTF-8."
        ) from error
    if not {"case", "ct"} <= columns or columns - set(COLUMNS):
        raise _bad_cohort(path, f"has the columns {', '.join(sorted(map(str, columns)))}")
    cases = [_case_files(row, number, path) for number, row in enumerate(rows, start=2)]
    # Where file names have no case, as on Windows, Good and good would be one folder.
    names = [case.name.casefold() for case in cases]
    if twice := [case.name for case in cases if names.count(case.name.casefold()) > 1]:
        raise _bad_cohort(path, f"names these cases twice: {', '.join(twice)}")
    if not cases:
        raise _bad_cohort(path, "has no rows")
    return cases


def _case_files(row: dict, number: int, path: Path) -> CaseFiles:
    values = {key: value.strip() for key, value in row.items() if key in COLUMNS and value and value.strip()}
    name = values.pop("case", "")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) or name.casefold() == SUMMARY_NAME:
        raise _bad_cohort(path, f"has the case name '{name}' in line {number}; it becomes a folder's name")
    if "ct" not in values:
        raise _bad_cohort(path, f"has no ct in line {number} (case {name})")
    if "acquisition" in values:
        if not values["acquisition"].isdigit():
            raise _bad_cohort(path, f"has an acquisition that is not a number in line {number}")
        values["acquisition"] = int(values["acquisition"])
    return with_base(CaseFiles(name=name, **values), path.parent)


def _bad_cohort(path: Path, problem: str) -> CaseError:
    return CaseError(
        "bad_cohort",
        f"The cohort {path.name} {problem}.",
        f"Its columns are case and ct, and any of {', '.join(COLUMNS[2:])}.",
    )


def check_cohort(cases: list[CaseFiles]) -> Iterator[CaseStatus]:
    """Reads and checks every case, writes nothing."""
    for files in cases:
        yield _guarded(files, lambda files=files: ("checked", {"findings": [f.code for f in files.read().findings]}))


def run_cohort(cases: list[CaseFiles], out: Path, options: BatchOptions, jobs: int = 1) -> Iterator[CaseStatus]:
    """Statuses as they come, `summary.csv` kept up to date. Raises ModelError, DeviceError, OutputError at once.

    A summary that cannot be written, as while a spreadsheet has it open, stops nothing: the first status says so, it is
    tried again after each case, and OutputError summary_not_writable comes after the last one.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    statuses: dict[str, CaseStatus] = {}
    problem: OutputError | None = None
    runner = _run_parallel(cases, out, options, jobs) if jobs > 1 else _run_serial(cases, out, options)
    for status in runner:
        notes = _set_aside(out / status.case) if status.failed else []
        statuses[status.case] = status
        try:
            _write_summary(out, [statuses[c.name] for c in cases if c.name in statuses])
            problem = None
        except OutputError as error:
            if problem is None:
                notes += [f"{SUMMARY_NAME} cannot be written now, is it open in another program? The cases go on"]
            problem = error
        yield replace(status, note="; ".join(notes))
    if problem:
        raise problem


def other_results(out: Path, cases: Sequence[CaseFiles]) -> list[str]:
    """Names of folders in `out` with a result of none of these cases. They are left alone, and not in the summary."""
    names = {case.name for case in cases}
    folders = (path.parent.name for path in out.glob(f"[!.]*/{JSON_NAME}"))
    return sorted(name for name in folders if name not in names and not name.endswith(OUTDATED))


def _set_aside(folder: Path) -> list[str]:
    """Marks the result of an earlier run, which is not this one's; says so."""
    if not (folder / JSON_NAME).exists():
        return []
    outdated = folder.with_name(folder.name + OUTDATED)
    try:
        if outdated.exists():
            shutil.rmtree(outdated)
        folder.rename(outdated)
    except OSError:
        return [f"what is in {folder.name} is of an earlier run"]
    return [f"its earlier result is now in {outdated.name}"]


def _run_serial(cases: list[CaseFiles], out: Path, options: BatchOptions) -> Iterator[CaseStatus]:
    predictor = Predictor.load(options.model, options.device)
    for files in cases:
        yield _run_one(predictor, files, out, options)


_predictor: Predictor | None = None


def _start_process(model: str, device: str, threads: int) -> None:
    import torch

    from ..networks.cpu import tune_allocator

    global _predictor
    exit_on_sigterm()
    tune_allocator()
    torch.set_num_threads(threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    _predictor = Predictor.load(model, device)
    # All that is loaded by now stays until the end, when collecting it piece by piece would hold up the last case.
    gc.freeze()


def _run_in_process(files: CaseFiles, out: Path, options: BatchOptions) -> CaseStatus:
    try:
        return _run_one(_predictor, files, out, options)
    except (KeyboardInterrupt, SystemExit):
        os._exit(EXIT_TERMINATED)  # else the pool would take it for a result, and begin the next case


def _run_parallel(cases: list[CaseFiles], out: Path, options: BatchOptions, jobs: int) -> Iterator[CaseStatus]:
    # What is wrong with model or device is said once, before any process starts.
    ModelCard.read(options.model)
    find_device(options.device)
    pending, processes = list(cases), jobs
    while pending:
        threads = max(1, (os.cpu_count() or 1) // processes)
        start = (options.model, options.device, threads)
        finished: set[str] = set()
        others = multiprocessing.active_children()
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _start_process, start) as pool:
            try:
                futures = [pool.submit(_run_in_process, files, out, options) for files in pending]
                for future in as_completed(futures):
                    if not isinstance(future.exception(), BrokenProcessPool):
                        status = future.result()
                        finished.add(status.case)
                        yield status
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                pool.shutdown(wait=False, cancel_futures=True)
                for process in multiprocessing.active_children():
                    if process not in others:
                        process.terminate()
                raise
        pending = [files for files in pending if files.name not in finished]
        if pending and processes == 1:
            # One process, first in first out: the first unfinished case is the one that took it down.
            culprit = pending.pop(0)
            yield CaseStatus(culprit.name, "failed", error=_CRASHED)
            processes = jobs
        else:
            processes = 1


_CRASHED = {
    "code": "crashed",
    "message": "The process died on this case, or was killed (out of memory?).",
    "hint": "Try it alone, with more memory or with --device cpu.",
}


def _run_one(predictor: Predictor, files: CaseFiles, out: Path, options: BatchOptions) -> CaseStatus:
    folder = out / files.name

    def work() -> tuple[str, dict]:
        if options.resume and (done := _already_done(folder, files, predictor.card.sha256)):
            return "skipped", done
        return "done", run_case(predictor, files, folder, report=options.report, extras=options.extras).to_dict()

    return _guarded(files, work)


def _guarded(files: CaseFiles, work: Callable[[], tuple[str, dict]]) -> CaseStatus:
    start = time.perf_counter()
    try:
        status, result = work()
        return CaseStatus(files.name, status, time.perf_counter() - start, result)
    except ReactKDError as error:
        return CaseStatus(files.name, "failed", time.perf_counter() - start, error=error.to_dict())
    except Exception as error:  # one bad case never stops the cohort
        values = {"code": "internal", "message": f"{type(error).__name__}: {error}", "hint": "Please report this."}
        return CaseStatus(files.name, "failed", time.perf_counter() - start, error=values)


def _already_done(folder: Path, files: CaseFiles, model: str) -> dict | None:
    """The earlier result, if it is complete and of the same model and the same files."""
    if not (folder / JSON_NAME).exists():
        return None
    try:
        values = Prediction.read(folder).to_dict()
        provenance = values["provenance"]
        now = {role: checksum(path) for role, path in files.paths.items()}
        then = {role: source["sha256"] for role, source in provenance["inputs"].items()}
        selected = {name: getattr(files, name) for name in provenance["selection"]}
        same = provenance["model"]["sha256"] == model and now == then and selected == provenance["selection"]
        return values if same else None
    except (ReactKDError, OSError, KeyError):
        return None


def _write_summary(out: Path, statuses: list[CaseStatus]) -> None:
    """Raises OutputError summary_not_writable."""
    rows = [_summary_row(status) for status in statuses]
    # The input comes last: who takes columns by their place finds the others where they always were.
    columns = [*dict.fromkeys(key for row in rows for key in row if key != INPUT), INPUT]
    temporary = out / f".{SUMMARY_NAME}"
    try:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        temporary.replace(out / SUMMARY_NAME)
    except OSError as error:
        raise OutputError(
            "summary_not_writable",
            cannot_write(out / SUMMARY_NAME, error).message,
            "Close it where it is open, or free some space, and run again with --resume: what is done stays.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _summary_row(status: CaseStatus) -> dict:
    row = {"case": status.case, "status": status.status, "seconds": f"{status.seconds:.2f}"}
    error = status.error or {}
    # Without the message: it names files, and a file's name can hold a patient's.
    row |= {"code": error.get("code", ""), "hint": error.get("hint", "")}
    if status.result:
        result = status.result
        none = {"index": "", "name": ""}
        grade = none if result["uncertainty"]["abstain"] else result["grade"]
        row |= {"grade": grade["index"], "grade_name": grade["name"]}
        pairs = zip(result["classes"], result["probabilities"], strict=True)
        row |= {f"p_{name}": f"{value:.6f}" for name, value in pairs}
        row |= {
            "abstain": result["uncertainty"]["abstain"],
            "lesions": sum(node["id"] != LIVER_ID for node in result["nodes"]),
            "findings": " ".join(finding["code"] for finding in result["findings"]),
        }
    return {**row, INPUT: PATH_NAMES.get(error.get("role"), "")}
