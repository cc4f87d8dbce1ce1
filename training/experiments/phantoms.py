"""The synthetic patients of a run: made once, kept, since the cache is verified against their files."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from REACTKDLib.imaging.phantom import PhantomError, PhantomSettings, make_phantom, write_phantom
from REACTKDLib.inference.case_files import CaseFiles

from ..cohorts.grades import GRADES
from ..cohorts.manifest import CohortCase
from ..cohorts.phantoms import DESCRIPTION
from .config import PhantomCohort

FILES = {
    "ct": "ct.nii.gz",
    "pet_fdg": "pet_fdg.nii.gz",
    "pet_act": "pet_act.nii.gz",
    "liver": "liver.nii.gz",
    "tumor": "tumor.nii.gz",
}


def make_phantoms(phantoms: PhantomCohort, folder: Path, jobs: int = 1) -> None:
    """Writes those that are not there yet, one sub-folder each, whole or not at all; grades take turns.

    Raises PhantomError, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seeds, grades = seeds_of(phantoms), _grades(phantoms)
    todo = [seed for seed in seeds if not _is_there(folder / _name(seed), phantoms.look, grades[seed])]
    work = (delayed(_make)(seed, grades[seed], phantoms.look, folder / _name(seed)) for seed in todo)
    made = Parallel(jobs, return_as="generator_unordered")(work)
    for error in tqdm(made, "phantoms", len(seeds), initial=len(seeds) - len(todo), disable=not todo):
        if error:
            raise PhantomError(**error)


def planned_phantoms(phantoms: PhantomCohort, folder: Path) -> tuple[CohortCase, ...]:
    """The cases as they will be, whether they are made yet or not."""
    graded = phantoms.first_seed + phantoms.count
    return tuple(
        _case(folder / _name(seed), grade) if seed < graded else _ungraded(folder / _name(seed))
        for seed, grade in _grades(phantoms).items()
    )


def seeds_of(phantoms: PhantomCohort) -> range:
    """One a patient."""
    return range(phantoms.first_seed, phantoms.first_seed + phantoms.count + phantoms.ungraded)


def _grades(phantoms: PhantomCohort) -> dict[int, int]:
    """By seed; those without a grade for the run have one too, as patients have."""
    return {seed: index % len(GRADES) for index, seed in enumerate(seeds_of(phantoms))}


def _name(seed: int) -> str:
    return f"phantom_{seed:06d}"


def _is_there(folder: Path, look: PhantomSettings, grade: int) -> bool:
    try:
        values = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return values.get("settings") == json.loads(json.dumps(asdict(look))) and values.get("grade") == grade


def _make(seed: int, grade: int, look: PhantomSettings, folder: Path) -> dict[str, str] | None:
    """What went wrong, in words: an exception of ours does not survive the way from another process."""
    temporary = folder.with_name(f".{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        write_phantom(make_phantom(seed, grade, settings=look), temporary)
    except PhantomError as error:
        return error.to_dict()
    for file in temporary.iterdir():
        if file.name not in (*FILES.values(), DESCRIPTION):
            file.unlink()
    temporary.replace(folder)
    return None


def _case(folder: Path, grade: int) -> CohortCase:
    files = CaseFiles(name=folder.name, **{role: folder / file for role, file in FILES.items()})
    return CohortCase(patient=folder.name, group=folder.name, grade=grade, files=files)


def _ungraded(folder: Path) -> CohortCase:
    files = CaseFiles(name=folder.name, **{role: folder / FILES[role] for role in ("ct", "liver", "tumor")})
    return CohortCase(patient=folder.name, group=folder.name, grade=None, files=files)
