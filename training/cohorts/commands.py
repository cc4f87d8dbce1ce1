"""`reactkd-train fetch`, `manifest` and `check`."""

import sys
from pathlib import Path
from typing import Literal

from .errors import CohortError
from .found import Found
from .manifest import Cohort, examine_manifest, manifest_of, write_manifest

Collection = Literal["hcc-tace-seg", "tcga-lihc", "lits"]
Source = Literal["hcc-tace-seg", "tcga-lihc", "lits", "folder", "phantom"]


def fetch_collection(
    collection: Collection, out: Path = Path("cohorts"), patients: str = "", yes: bool = False
) -> None:
    """Downloads a public collection, after showing its size and licence and asking.

    Args:
        collection: which one.
        out: folder to fill.
        patients: PatientIDs to take, separated by commas; all if not given.
        yes: do not ask.
    """
    from .fetch import TABLES, fetch, plan_fetch

    plan = plan_fetch(collection, tuple(name.strip() for name in patients.split(",") if name.strip()))
    if not fetch(plan, Path(out), lambda text: _agree(text, yes)):
        print("Nothing was downloaded.")
        return
    command = f"reactkd-train manifest {collection} {out}"
    if collection in TABLES:
        command += f" --table FILE\nFILE has the grades: {TABLES[collection]}."
    print(f"{collection} is in {out}. Next: {command}")


def make_manifest(
    source: Source,
    directory: Path,
    out: Path = Path("cohort.csv"),
    table: Path | None = None,
    mixed: Literal["worse", "better", "exclude"] = "worse",
    unlabelled: bool = False,
    doubtful: bool = False,
) -> None:
    """Writes the manifest of a collection's files; segmentations that have to be converted go beside it.

    Args:
        source: what the files are: a collection, a plain folder with one sub-folder a case, or phantoms.
        directory: where they are.
        out: the manifest.
        table: clinical data with the grades (.xlsx or CSV); for a folder, grades.csv within it if not given.
        mixed: what a grade between two counts as, in HCC-TACE-Seg.
        unlabelled: also take cases without a grade.
        doubtful: also take patients of HCC-TACE-Seg whose grids are known to be doubtful.
    """
    directory, out = Path(directory), Path(out)
    if not directory.is_dir():
        raise CohortError("missing_file", f"There is no folder {directory}.", "Check the path.")
    masks = out.with_name(f"{out.stem}_masks")
    found = _find(source, directory, masks, table, mixed=mixed, unlabelled=unlabelled, doubtful=doubtful)
    for one in found.left_out:
        print(f"left out: {one.name}, {one.reason}")
    if not found.cases:
        raise CohortError("no_cases", f"None of the {len(found.left_out)} candidates can be used.", "See the reasons.")
    if out.exists() and out.read_bytes() != manifest_of(found.cases, out.parent):
        words = "Give another name with --out, or take that file away first: it may have been changed by hand."
        raise CohortError("other_file", f"There is another {out} already.", words)
    write_manifest(found.cases, out)
    labelled = sum(case.grade is not None for case in found.cases)
    print(f"{out}: {len(found.cases)} cases ({labelled} with a grade), {len(found.left_out)} left out")


def check_manifest(manifest: Path, unlabelled: bool = False, images: bool = False) -> None:
    """Checks a manifest; the exit status is 2 if anything is wrong.

    Args:
        manifest: the CSV.
        unlabelled: whether a grade may be empty.
        images: also read every case, and check that its images fit together.
    """
    cohort, problems = examine_manifest(manifest, allow_unlabelled=unlabelled)
    for problem in problems:
        print(problem)
    failed = _check_images(cohort) if images and cohort.cases else 0
    if problems or failed:
        raise CohortError(
            "bad_manifest",
            f"{Path(manifest).name}: {len(problems)} problems in the table, {failed} cases that cannot be read.",
            "Correct what is named above.",
        )
    patients = len({case.patient for case in cohort.cases})
    counts = [sum(case.grade == grade for case in cohort.cases) for grade in (0, 1, 2, None)]
    print(
        f"ok: {len(cohort.cases)} cases of {patients} patients; grades 0, 1, 2: {counts[0]}, {counts[1]}, {counts[2]}; "
        f"without a grade: {counts[3]}"
    )


def _find(source: Source, directory: Path, masks: Path, table: Path | None, **options) -> Found:
    unlabelled = options["unlabelled"]
    if source == "lits":
        from .lits import find_lits

        return find_lits(directory)
    if source == "phantom":
        from .phantoms import find_phantoms

        return find_phantoms(directory)
    if source == "folder":
        from .folder import find_folder

        return find_folder(directory, table, unlabelled=unlabelled)
    if table is None:
        from .fetch import TABLES

        hint = f"Give it with --table FILE: {TABLES[source]}."
        raise CohortError("missing_file", f"{source} needs the table with the grades.", hint)
    if source == "tcga-lihc":
        from .tcga_lihc import find_tcga_lihc

        return find_tcga_lihc(directory, table, masks, unlabelled=unlabelled)
    from .hcc_tace_seg import find_hcc_tace_seg

    return find_hcc_tace_seg(directory, table, masks, **options)


def _check_images(cohort: Cohort) -> int:
    from REACTKDLib.inference.batch import check_cohort
    from REACTKDLib.inference.batch_lines import say_statuses

    files = [case.files for case in cohort.cases]
    return say_statuses(check_cohort(files), len(files), print)


def _agree(text: str, yes: bool) -> bool:
    print(text)
    if yes:
        return True
    if not sys.stdin.isatty():
        raise CohortError("not_agreed", "There is no one to ask.", "Add --yes to agree to the size and the licence.")
    return input("Download it? [y/N] ").strip().lower() in ("y", "yes")
