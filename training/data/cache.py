"""The cache of a cohort: every case preprocessed once, for all folds, methods and seeds."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import SimpleITK as sitk
from joblib import Parallel, cpu_count, delayed
from tqdm import tqdm

from REACTKDLib.inference.case_files import CaseFiles

from ..cohorts.errors import CohortError
from ..cohorts.manifest import Cohort
from .cache_settings import CacheSettings, fingerprint
from .entry import CachedCase
from .failures import Failure, cannot_write, cases_failed, process_ended
from .making import make_entry
from .store import State, entry_path, read_entry, read_record, record_path, write_entry

NAMED = 5
"""Entries that a message names."""


@dataclass(frozen=True)
class Cache:
    """The preprocessed cases of a cohort. Nothing but names is in memory: it can be sent to any process.

    fingerprints: of what each entry has to be made from, by the case's name.
    """

    folder: Path
    fingerprints: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the cases, in the cohort's order."""
        return tuple(self.fingerprints)

    @property
    def bytes(self) -> int:
        """On disk."""
        return sum(
            path.stat().st_size
            for name in self.fingerprints
            for path in (entry_path(self.folder, name), record_path(self.folder, name))
        )

    def read(self, name: str) -> CachedCase:
        """A case, verified. Raises CohortError: unknown_case, damaged_entry, absent_entry, outdated_entry."""
        if name not in self.fingerprints:
            raise CohortError(
                "unknown_case", f"The case {name} is not in the cache {self.folder.name}.", "Preprocess its cohort."
            )
        state, content = read_entry(self.folder, name, self.fingerprints[name])
        if state is not State.WHOLE:
            raise CohortError(
                f"{state.value}_entry",
                f"The entry of {name} in the cache {self.folder.name} is {state.value}.",
                "Start again: preprocessing makes this entry anew, and keeps the others.",
            )
        return CachedCase.from_bytes(content)

    def findings(self, name: str) -> tuple[str, ...]:
        """Codes of what is doubtful about a case."""
        return read_record(self.folder, name).findings


def build_cache(cohort: Cohort, folder: Path, settings: CacheSettings, jobs: int = 1) -> Cache:
    """Makes what is missing, and verifies and keeps what is there. One such call at a time for a folder.

    Killed at any moment, the next call goes on. Entries of other files or settings, and damaged ones, are made anew.
    jobs: processes side by side. Raises CohortError: cases_failed once all others are done; output_not_writable and
    worker_killed at once.
    """
    folder = Path(folder)
    cache = _cache_of(cohort, folder, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    names = tqdm(cache.names, "verify", unit="case", leave=False)
    states = {name: read_entry(folder, name, cache.fingerprints[name])[0] for name in names}
    _say_what_is_made_again(states)
    todo = [case.files for case in cohort.cases if states[case.name] is not State.WHOLE]
    if failures := _make_all(todo, cache, settings, jobs):
        raise cases_failed(failures, len(cache.names))
    return cache


def open_cache(cohort: Cohort, folder: Path, settings: CacheSettings) -> Cache:
    """The cache that `build_cache` has made of the same, for another process; entries are verified when they are read.

    Raises CohortError incomplete_cache.
    """
    cache = _cache_of(cohort, Path(folder), settings)
    if missing := [name for name in cache.names if not _is_recorded(cache, name)]:
        raise CohortError(
            "incomplete_cache",
            f"The cache {cache.folder.name} lacks {len(missing)} of {len(cache.names)} cases as they are now "
            f"({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}).",
            "Preprocess the cohort with these settings first.",
        )
    return cache


def _cache_of(cohort: Cohort, folder: Path, settings: CacheSettings) -> Cache:
    return Cache(folder, {case.name: fingerprint(case.files, settings) for case in cohort.cases})


def _is_recorded(cache: Cache, name: str) -> bool:
    try:
        return read_record(cache.folder, name).fingerprint == cache.fingerprints[name]
    except (OSError, ValueError, TypeError):
        return False


def _say_what_is_made_again(states: Mapping[str, State]) -> None:
    reasons = {State.DAMAGED: "damaged", State.OUTDATED: "of other files, other settings or an earlier version"}
    for state, reason in reasons.items():
        if names := [name for name, found in states.items() if found is state]:
            more = ", ..." if len(names) > NAMED else ""
            listed = ", ".join(names[:NAMED]) + more
            print(f"cache: {len(names)} entries are {reason} and are made anew: {listed}", file=sys.stderr)


def _make_all(todo: Sequence[CaseFiles], cache: Cache, settings: CacheSettings, jobs: int) -> list[Failure]:
    """One process a case at a time; only names and failures come back, so that memory does not grow with the cases."""
    jobs = max(1, min(jobs, len(todo)))
    threads = max(1, cpu_count() // jobs) if jobs > 1 else None
    failures: list[Failure] = []
    full: list[OSError] = []
    # What has begun is waited for: a process that is ended while it writes would leave half a file.
    begun = takewhile(lambda _: not full, todo)
    work = (delayed(_make)(files, cache.folder, cache.fingerprints[files.name], settings, threads) for files in begun)
    done = len(cache.names) - len(todo)
    try:
        results = Parallel(jobs, batch_size=1, pre_dispatch=jobs, return_as="generator_unordered")(work)
        for problem in tqdm(results, "preprocess", len(cache.names), initial=done, unit="case", disable=not todo):
            if problem is None:
                done += 1
            else:
                (failures if isinstance(problem, Failure) else full).append(problem)
    except BrokenProcessPool as error:
        raise process_ended(done, len(cache.names)) from error
    if full:
        raise cannot_write(cache.folder, full[0])
    return failures


def _make(
    files: CaseFiles, folder: Path, fingerprint: str, settings: CacheSettings, threads: int | None
) -> Failure | OSError | None:
    """None once the entry is written; OSError when it cannot be. threads: of ITK, which would use every core."""
    if threads:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    try:
        entry, findings = make_entry(files.read(), settings)
    except Exception as error:  # one bad case never stops the cohort
        return Failure.of(files, error)
    try:
        write_entry(folder, files.name, entry, fingerprint, [finding.code for finding in findings])
    except OSError as error:
        return error
    return None
