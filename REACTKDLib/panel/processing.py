"""One case from a script: waits for the result, the application stays responsive."""

import time
from collections.abc import Mapping
from pathlib import Path

import slicer

from ..imaging.errors import ReactKDError
from ..inference.demo_model import demo_model
from ..inference.prediction import Prediction
from ..scene.case_nodes import CaseNodes, check_there
from ..scene.display import show_in_slices
from ..scene.overlay import build_overlay
from ..scene.overlay_nodes import Overlay
from ..scene.volumes import CaseVolumes
from .session import Failure, Request, Session

PAUSE_S = 0.01


class _Waiting:
    """A session's listener that keeps how the run ended."""

    def __init__(self):
        self.folder: Path | None = None
        self.failure: Failure | None = None

    @property
    def ended(self) -> bool:
        return self.folder is not None or self.failure is not None

    def stage(self, name: str, fraction: float) -> None: ...

    def done(self, request: Request, folder: Path) -> None:
        self.folder = folder

    def failed(self, request: Request, failure: Failure) -> None:
        self.failure = failure

    def worker_changed(self, device: dict | None) -> None: ...

    def log(self, line: str) -> None: ...


def process(
    ct: slicer.vtkMRMLScalarVolumeNode,
    segmentation: slicer.vtkMRMLSegmentationNode,
    pet: Mapping[str, slicer.vtkMRMLScalarVolumeNode],
    model: Path | str | None,
    device: str,
    liver_segment: str | None,
    tumor_segment: str | None,
) -> Overlay:
    """Grades nodes of the scene and shows the result. Raises ReactKDError; input_removed as soon as CT or PET are."""
    nodes = CaseNodes(ct, segmentation, pet, liver_segment, tumor_segment)
    waiting = _Waiting()
    session = Session(waiting, Path(slicer.app.temporaryPath))
    try:
        session.apply(Request(nodes, Path(model) if model else demo_model(), device))
        while not waiting.ended:
            slicer.app.processEvents()
            check_there(nodes)
            time.sleep(PAUSE_S)
        if waiting.failure is not None:
            raise ReactKDError(waiting.failure.code, waiting.failure.message, waiting.failure.hint)
        overlay = build_overlay(slicer.mrmlScene, Prediction.read(waiting.folder), CaseVolumes(ct, pet))
        show_in_slices(overlay)
        return overlay
    finally:
        session.close()
