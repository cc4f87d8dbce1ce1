"""Runs every `bench_*.py` of this folder, each in a process of its own: `python -m Testing.benchmarks`."""

import argparse
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path

from Testing.benchmarks.common import Row, in_fresh_process, rows_of

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results" / "latest.json"
HEADINGS = ("work", "ours", "baseline", "ratio", "of limit", "peak memory")


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the project against written-out baselines in the same run.")
    parser.add_argument("names", nargs="*", help="benchmarks to run, such as student; all of them by default")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table, as in the README")
    options = parser.parse_args()

    names = options.names or sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    rows = [row for name in names for row in in_fresh_process(rows_of, f"bench_{name}")[0]]
    print(_table(rows, options.markdown))
    RESULTS.parent.mkdir(exist_ok=True)
    record = {
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "rows": [asdict(row) | {"ratio": row.ratio} for row in rows],
    }
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _table(rows: list[Row], markdown: bool) -> str:
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    if markdown:
        lines = ["| " + " | ".join(line) + " |" for line in cells]
        return "\n".join([lines[0], "|" + "---|" * len(HEADINGS), *lines[1:]])
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    notes = [f"{row.work}: {row.note}" for row in rows if row.note]
    return "\n".join([*table, "", *notes])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.work,
        _duration(row.ours_s),
        f"{_duration(row.baseline_s)} {row.baseline}",
        f"{row.ratio:.1f}x",
        "" if row.fraction_of_limit is None else f"{row.fraction_of_limit:.0%}",
        "" if row.peak_mb is None else f"{row.peak_mb:.0f} MB",
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


if __name__ == "__main__":
    main()
