"""A cohort of coarse phantoms, and settings that make its cache in no time."""

from pathlib import Path

from REACTKDLib.imaging.phantom import PhantomSettings, make_phantom, write_phantom
from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.inference.case_files import CaseFiles
from training.cohorts.manifest import Cohort, CohortCase
from training.data.cache_settings import CacheSettings
from training.dose.settings import ScannerSettings

QUICK = CacheSettings(PreprocessingSpec(grid=(8, 24, 24)), ("severe",), ScannerSettings(views=40))


def write_cohort(folder: Path, count: int) -> Cohort:
    """Phantoms with both tracers in folders case0, case1, ..."""
    for number in range(count):
        write_phantom(make_phantom(number, settings=PhantomSettings.coarse()), folder / f"case{number}")
    return cohort_in(folder, count)


def cohort_in(folder: Path, count: int) -> Cohort:
    """What `write_cohort` wrote."""
    return Cohort(tuple(_case(folder / f"case{number}") for number in range(count)), "0" * 64)


def _case(folder: Path) -> CohortCase:
    files = CaseFiles(
        name=folder.name,
        ct=folder / "ct.nii.gz",
        liver=folder / "liver.nii.gz",
        tumor=folder / "tumor.nii.gz",
        pet_fdg=folder / "pet_fdg.nii.gz",
        pet_act=folder / "pet_act.nii.gz",
    )
    return CohortCase(patient=folder.name, group=folder.name, grade=0, files=files)
