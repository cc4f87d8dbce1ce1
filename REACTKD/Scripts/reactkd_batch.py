"""Grades a cohort in Slicer, without its window.

    Slicer --no-main-window --python-script reactkd_batch.py -- cohort.csv --out DIR [--model DIR] [--resume] ...

Exit status: 0 done, 1 some cases failed, 2 wrong arguments, cohort or model, or missing packages, 130 interrupted.
What it prints holds the names of cases, as cohorts and results have them, but no path or message about their files.
"""

import argparse
import signal
import sys
from pathlib import Path

import slicer

EXIT_FAILED_CASES, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments):
    """Exit status. arguments: as after the `--` on Slicer's command line."""
    find_library()
    from REACTKDLib.imaging.errors import ReactKDError

    try:
        options = parser().parse_args([text for text in arguments if text != "--"])
        return run(options)
    except SystemExit as error:
        # How argparse ends after --help or a wrong argument; Slicer has to be told otherwise.
        return error.code or 0
    except ReactKDError as error:
        complain(f"{error.code}: {error}")
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        complain("interrupted. What was finished is kept; the same command with --resume goes on from there.")
        return EXIT_INTERRUPTED


def run(options):
    from REACTKDLib.setup.environment import inspect_environment
    from REACTKDLib.setup.wording import requirements_message

    if missing := requirements_message(inspect_environment(), headless=True):
        complain(missing)
        return EXIT_BAD_INPUT
    from REACTKDLib.inference.threads import share_cores

    share_cores()
    # Only now: this loads torch.
    import SimpleITK

    from REACTKDLib.inference.batch import BatchOptions, check_cohort, read_cohort, run_cohort
    from REACTKDLib.inference.batch_lines import say_other_results, say_statuses
    from REACTKDLib.inference.demo_model import demo_model
    from REACTKDLib.networks.cpu import tune_allocator

    # ITK's own warnings name the files they are about.
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    cases = read_cohort(options.cohort)
    if options.dry_run:
        statuses = check_cohort(cases)
    else:
        tune_allocator()
        model = str(options.model or demo_model())
        batch = BatchOptions(model, options.device, options.resume, not options.no_report, scene_files(options))
        statuses = run_cohort(cases, Path(options.out), batch)
    failed = say_statuses(statuses, len(cases), say, with_messages=False)
    if not options.dry_run:
        say_other_results(Path(options.out), cases, say)
    return EXIT_FAILED_CASES if failed else 0


def scene_files(options):
    """Extras of each case; None where none are asked for."""
    if not (options.scenes or options.snapshots):
        return None
    from REACTKDLib.scene.in_application import Application, SceneFiles

    return SceneFiles(Application.running(), options.scenes, options.snapshots, say)


def parser():
    result = argparse.ArgumentParser(
        prog="reactkd_batch.py",
        description="Grade every case of a CSV file. A bad case never stops the rest. Research use only.",
    )
    result.add_argument("cohort", help="CSV as of `reactkd batch`: case, ct, segmentation, pet_fdg, ...")
    result.add_argument("--out", required=True, metavar="DIR", help="one folder a case, and summary.csv")
    result.add_argument("--model", metavar="DIR", help="model folder (default: the demo model)")
    result.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    result.add_argument("--resume", action="store_true", help="leave alone what is done with the same model and files")
    result.add_argument("--scenes", action="store_true", help="add scene.mrb to each case")
    result.add_argument("--snapshots", action="store_true", help="add pictures of slices and 3D view to each case")
    result.add_argument("--no-report", action="store_true", help="leave out report.html")
    result.add_argument("--dry-run", action="store_true", help="read and check every case, write nothing")
    return result


def find_library():
    """Beside the folder of scripts where Slicer has installed it, one further up in the repository."""
    for folder in Path(__file__).resolve().parents[1:3]:
        if (folder / "REACTKDLib").is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text):
    sys.stderr.write(f"reactkd: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    # Slicer leaves Ctrl-C to the system, which would end it at once, in the middle of writing.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    slicer.util.exit(main(sys.argv[1:]))
