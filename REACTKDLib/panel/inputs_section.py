"""Inputs: which volumes and which segments."""

import slicer
from slicer.i18n import tr as _

from ..scene.case_nodes import NO_TUMOR, CaseNodes
from ..scene.choosing import suggest
from .parameters import Parameters
from .widgets import chosen, fill

TOTAL_SEGMENTATOR = "TotalSegmentator"
BY_NAME = ""


class InputsSection:
    """Keeps the segment selectors and the parameters together; the node selectors are bound by the wrapper."""

    def __init__(self, ui):
        self._ui = ui
        self._parameters: Parameters | None = None
        self._shown: tuple = ()
        ui.liverSelector.connect("currentIndexChanged(int)", self._liver_chosen)
        ui.tumorSelector.connect("currentIndexChanged(int)", self._tumor_chosen)
        ui.segmentButton.connect("clicked(bool)", self._open_total_segmentator)

    @property
    def nodes(self) -> CaseNodes:
        p = self._parameters
        pet = {"fdg": p.pet_fdg, "act": p.pet_act}
        return CaseNodes(
            ct=p.ct,
            segmentation=p.segmentation,
            pet={tracer: node for tracer, node in pet.items() if node is not None},
            liver_segment=p.liver_segment or None,
            tumor_segment=p.tumor_segment or None,
        )

    def bind(self, parameters: Parameters | None) -> None:
        self._parameters = parameters
        self._shown = ()
        self.update()

    def choose_what_fits(self) -> None:
        """A suggestion for what is not chosen yet, as long as there is no CT: a user's choice is left alone."""
        if self._parameters is None or self._parameters.ct is not None:
            return
        found = suggest(slicer.mrmlScene)
        self._parameters.ct = found.ct
        self._parameters.pet_fdg = self._parameters.pet_fdg or found.pet.get("fdg")
        self._parameters.pet_act = self._parameters.pet_act or found.pet.get("act")
        self._parameters.segmentation = self._parameters.segmentation or found.segmentation

    def update(self) -> None:
        """After any change of parameters or segments."""
        if self._parameters is None:
            return
        segments = self._segments()
        if segments != self._shown:
            self._shown = segments
            self._forget_segments_that_are_gone({id for id, _name in segments})
            named = [(name, id) for id, name in segments]
            fill(self._ui.liverSelector, [(_("By name: Liver"), BY_NAME), *named], self._parameters.liver_segment)
            tumors = [(_("By name: Tumor, Mass, Lesion"), BY_NAME), (_("No tumour"), NO_TUMOR), *named]
            fill(self._ui.tumorSelector, tumors, self._parameters.tumor_segment)
        for selector in (self._ui.liverSelector, self._ui.tumorSelector):
            selector.enabled = bool(segments)
        self._ui.segmentButton.visible = self._parameters.ct is not None and not segments

    def _segments(self) -> tuple[tuple[str, str], ...]:
        """Id and name of each."""
        node = self._parameters.segmentation
        if node is None:
            return ()
        segmentation = node.GetSegmentation()
        return tuple((id, segmentation.GetSegment(id).GetName()) for id in segmentation.GetSegmentIDs())

    def _forget_segments_that_are_gone(self, ids: set[str]) -> None:
        if self._parameters.liver_segment not in ids:
            self._parameters.liver_segment = BY_NAME
        if self._parameters.tumor_segment not in ids | {NO_TUMOR}:
            self._parameters.tumor_segment = BY_NAME

    def _liver_chosen(self) -> None:
        if self._parameters is not None:
            self._parameters.liver_segment = chosen(self._ui.liverSelector)

    def _tumor_chosen(self) -> None:
        if self._parameters is not None:
            self._parameters.tumor_segment = chosen(self._ui.tumorSelector)

    def _open_total_segmentator(self) -> None:
        if TOTAL_SEGMENTATOR.lower() not in {name.lower() for name in slicer.util.moduleNames()}:
            slicer.util.infoDisplay(
                _(
                    "The liver can be segmented with the extension TotalSegmentator, which is not installed. Install "
                    "it from the Extensions Manager, or segment liver and tumour in the Segment Editor."
                )
            )
            slicer.util.selectModule("SegmentEditor")
            return
        slicer.util.selectModule(TOTAL_SEGMENTATOR)
        widget = slicer.util.getModuleWidget(TOTAL_SEGMENTATOR)
        selector = getattr(getattr(widget, "ui", None), "inputVolumeSelector", None)
        if selector is not None:
            selector.setCurrentNode(self._parameters.ct)
