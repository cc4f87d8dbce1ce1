"""LiTS in the Medical Segmentation Decathlon's layout: CT and label maps of 131 patients, without grades."""

from pathlib import Path

from REACTKDLib.inference.case_files import CaseFiles

from .errors import CohortError
from .found import Found, LeftOut
from .manifest import CohortCase

TASK = "Task03_Liver"
IMAGES, LABELS = "imagesTr", "labelsTr"


def find_lits(directory: Path) -> Found:
    """One unlabelled case for each CT of imagesTr with a label map in labelsTr (1 liver, 2 tumour).

    directory: Task03_Liver, or the folder it lies in. Raises CohortError no_cases.
    """
    folder = directory / TASK if (directory / TASK).is_dir() else directory
    # The archive has a hidden "._" file beside each image.
    images = [path for path in sorted((folder / IMAGES).glob("*.nii*")) if not path.name.startswith(".")]
    if not images:
        raise CohortError(
            "no_cases",
            f"There is no image in {folder / IMAGES}.",
            f"Give the folder {TASK}, with {IMAGES} and {LABELS} in it.",
        )
    labelled = [image for image in images if (folder / LABELS / image.name).is_file()]
    left_out = tuple(LeftOut(_name(i), f"there is no label map in {LABELS}") for i in images if i not in labelled)
    return Found(tuple(_case(image, folder / LABELS / image.name) for image in labelled), left_out)


def _case(image: Path, label: Path) -> CohortCase:
    name = _name(image)
    files = CaseFiles(ct=image, segmentation=label, name=name)
    return CohortCase(patient=name, group=name, grade=None, files=files)


def _name(image: Path) -> str:
    return image.name.removesuffix(".gz").removesuffix(".nii")
