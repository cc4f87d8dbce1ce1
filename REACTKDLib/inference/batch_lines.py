"""A cohort's progress in lines of text: the same on the command line and in Slicer."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .batch import SUMMARY_NAME, CaseStatus, other_results
from .case_files import CaseFiles

NAMED = 5
"""Folders in a line, at most."""


def say_statuses(
    statuses: Iterable[CaseStatus], total: int, say: Callable[[str], None], with_messages: bool = True
) -> int:
    """Tells `say` what became of each case as it comes, then the counts; returns how many failed.

    with_messages: what was wrong, in words. They name files, and a file's name can hold a patient's; without them an
    error is its code and hint.
    """
    counts: Counter[str] = Counter()
    for number, status in enumerate(statuses, start=1):
        counts[status.status] += 1
        note = f" ({status.note})" if status.note else ""
        say(f"[{number}/{total}] {status.case}: {_outcome(status, with_messages)}{note}")
    summary = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(f"{summary} of {total} case{'' if total == 1 else 's'}")
    return counts["failed"]


def say_other_results(out: Path, cases: Sequence[CaseFiles], say: Callable[[str], None]) -> None:
    """Tells `say` which results in a cohort's folder are of other cases, lest they be taken for this run's."""
    if others := other_results(out, cases):
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        say(f"Of other runs, and not in {SUMMARY_NAME}: {', '.join(others[:NAMED])}{more}")


def _outcome(status: CaseStatus, with_messages: bool) -> str:
    if status.error:
        return f"failed, {status.error['code']}: {status.error['message' if with_messages else 'hint']}"
    if status.status == "checked":
        return "ok" + "".join(f", {code}" for code in status.result["findings"])
    if status.result["uncertainty"]["abstain"]:
        return f"{status.status}, no grade: the model abstains ({status.seconds:.1f} s)"
    grade = status.result["grade"]
    probability = status.result["probabilities"][grade["index"]]
    return f"{status.status}, {grade['name']} {probability:.0%} ({status.seconds:.1f} s)"
