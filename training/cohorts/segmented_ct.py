"""Cases from a patient's DICOM studies: CT phases, and the SEG that was drawn on them."""

from collections.abc import Callable
from pathlib import Path

from REACTKDLib.inference.case_files import CaseFiles

from .dicom_layout import Phase, Study, phases
from .dicom_seg import Seg, read_seg, write_seg
from .errors import CohortError
from .found import Found, LeftOut
from .manifest import CohortCase


def cases_of(study: Study, seg: Seg, patient: str, grade: int | None, masks: Path, name: str) -> Found:
    """A case for each phase of the series that the SEG was drawn on and whose slices it fits.

    masks: folder for the segmentation as `.seg.nrrd`, which the phases share. name: of the case; a phase of several
    has its AcquisitionNumber added. Two phases are two cases of one patient, never stacked (method.md, section 1).
    """
    folders = [study.ct[uid] for uid in seg.series if uid in study.ct]
    if not folders:
        return Found((), (LeftOut(name, "the CT that its segmentation was drawn on is not there"),))
    candidates = [phase for folder in folders for phase in phases(folder)]
    fitting = [phase for phase in candidates if not phase.is_ambiguous and phase.covers(seg.positions)]
    if not fitting:
        return Found((), (LeftOut(name, _misfit(candidates)),))
    # Another series may be another reconstruction of the same slices: only the one that was drawn on counts.
    drawn_on = {phase.folder for phase in fitting if phase.instances & seg.instances}
    used = [phase for phase in fitting if phase.folder in drawn_on]
    if not used:
        return Found((), (LeftOut(name, "its segmentation refers to no slice of the CT that is there"),))
    segmentation = masks / f"{name}.seg.nrrd"
    try:
        write_seg(read_seg(seg.path), segmentation)
    except CohortError as error:
        return Found((), (LeftOut(name, str(error)),))
    left_out = tuple(
        LeftOut(_phase_name(name, phase), "its slices are not those of the segmentation")
        for phase in candidates
        if phase not in fitting
    )
    cases = tuple(
        CohortCase(
            patient=patient,
            group=patient,
            grade=grade,
            files=CaseFiles(
                ct=phase.folder,
                segmentation=segmentation,
                acquisition=phase.acquisition,
                name=_phase_name(name, phase),
            ),
        )
        for phase in used
    )
    return Found(cases, left_out)


def first_segmented(found: list[Study], wanted: Callable[[Seg], bool]) -> tuple[Study, Seg] | None:
    """The oldest study with a SEG that is `wanted`, and that SEG."""
    for study in found:
        for path in study.seg:
            if wanted(seg := Seg.read(path)):
                return study, seg
    return None


def _misfit(candidates: list[Phase]) -> str:
    if all(phase.is_ambiguous for phase in candidates):
        return "several CT slices lie at one place, and AcquisitionNumber does not tell them apart"
    return "the slices of CT and segmentation are not at the same places"


def _phase_name(name: str, phase: Phase) -> str:
    return name if phase.acquisition is None else f"{name}_{phase.acquisition}"
