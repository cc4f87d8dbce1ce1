"""One line of the benchmark table, and how its numbers are taken."""

import importlib
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Row:
    """Our time for a piece of work beside a baseline's in the same run.

    ours_s, baseline_s: median seconds. baseline: what it is. peak_mb: highest resident memory of the process that did
    our work, MB. fraction_of_limit: of what the machine could do at best, named in `note`.
    """

    work: str
    ours_s: float
    baseline: str
    baseline_s: float
    note: str
    peak_mb: float | None = None
    fraction_of_limit: float | None = None

    @property
    def ratio(self) -> float:
        """How many times faster than the baseline."""
        return self.baseline_s / self.ours_s


def measure(work: Callable[[], object], repeats: int = 10, warmup: int = 2) -> float:
    """Median seconds of `work`."""
    for _ in range(warmup):
        work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def in_fresh_process(function: Callable, *arguments) -> tuple:
    """What `function` returns in a process of its own, and that process's highest resident memory, MB.

    So one measurement's allocator settings, threads and memory do not reach another. `function` is of a module.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_with_peak, function, arguments).result()


def rows_of(module: str) -> list[Row]:
    """The rows of one benchmark module of this folder."""
    return importlib.import_module(f"Testing.benchmarks.{module}").rows()


def _with_peak(function: Callable, arguments: tuple) -> tuple[object, float]:
    return function(*arguments), peak_memory_mb()


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far, MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux `ru_maxrss` starts from what the parent held when it forked.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
