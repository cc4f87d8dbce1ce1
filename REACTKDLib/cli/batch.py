"""`reactkd batch`: a cohort to a folder of results."""

import argparse
import sys
from functools import partial
from pathlib import Path

from tqdm import tqdm

from .options import add_model_options, add_result_options, model_folder, positive, scene_extras


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "batch",
        help="grade a cohort",
        description="Grade every case of a CSV file. A bad case never stops the rest; exit status 1 if any failed.",
    )
    parser.add_argument(
        "cohort",
        help="CSV (commas, semicolons or tabs) with the columns case and ct, and any of segmentation, liver, tumor, "
        "pet_fdg, pet_act, liver_segment, tumor_segment, acquisition; paths relative to it",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="one folder a case, and summary.csv")
    parser.add_argument("--resume", action="store_true", help="leave alone what is done with the same model and files")
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="cases side by side (default: 1)")
    parser.add_argument("--dry-run", action="store_true", help="read and check every case, write nothing")
    add_model_options(parser)
    add_result_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..inference.batch import BatchOptions, check_cohort, read_cohort, run_cohort
    from ..inference.batch_lines import say_other_results, say_statuses
    from ..networks.cpu import tune_allocator

    cases = read_cohort(options.cohort)
    tune_allocator()
    if options.dry_run:
        statuses = check_cohort(cases)
    else:
        batch = BatchOptions(
            str(model_folder(options)), options.device, options.resume, not options.no_report, scene_extras(options)
        )
        statuses = run_cohort(cases, Path(options.out), batch, min(options.jobs, len(cases)))
    bar = tqdm(statuses, total=len(cases), unit="case", disable=not sys.stderr.isatty(), leave=False)
    failed = say_statuses(bar, len(cases), partial(tqdm.write, file=sys.stdout))
    if not options.dry_run:
        print(f"Results: {options.out}/summary.csv")
        say_other_results(Path(options.out), cases, print)
    return 1 if failed else 0
