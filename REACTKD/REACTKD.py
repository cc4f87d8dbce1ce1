"""REACT-KD in 3D Slicer: a thin shell around REACTKDLib.panel."""

import importlib.util
import os
import sys

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class REACTKD(ScriptedLoadableModule):
    """What the application shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("REACT-KD Liver Tumor Grading")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = []
        self.parent.contributors = ["REACT-KD developers"]
        self.parent.helpText = _(
            "Grades hepatocellular carcinoma (well, moderately, poorly differentiated) from CT, and PET where there is "
            "one, with liver and tumor segmentations, and shows why: a graph with one node per region, its attention "
            "in 3D and on the slices. For research use only."
        )
        self.parent.acknowledgementText = _(
            "After REACT-KD: Region-Aware Cross-modal Topological Knowledge Distillation for Interpretable Medical "
            "Image Classification, arXiv 2508.02104."
        )
        findLibrary()
        slicer.app.connect("startupCompleted()", registerSampleData)


def findLibrary():
    """Installed, REACTKDLib lies beside this file; in a checkout, which Slicer loads as well, one folder above."""
    if importlib.util.find_spec("REACTKDLib") is None:
        sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def registerSampleData():
    """Lists the synthetic patient in the module Sample Data."""
    from REACTKDLib.panel import sample_data

    thumbnail = os.path.join(os.path.dirname(__file__), "Resources", "Icons", "REACTKD.png")
    sample_data.register("REACT-KD", thumbnail)


class REACTKDWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Gives the panel its widgets, its parameter node, and word of what happens to the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from REACTKDLib.panel.panel import Panel

        widget = slicer.util.loadUI(self.resourcePath("UI/REACTKD.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = REACTKDLogic()
        self.panel = Panel(self.ui, lambda: self.parent.isEntered)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        slicer.app.connect("aboutToQuit()", self.panel.close)
        self.initializeParameterNode()

    def cleanup(self):
        """The application closes, or the module is reloaded."""
        if self.panel is None:
            # Its setup has failed, and said why.
            return
        slicer.app.disconnect("aboutToQuit()", self.panel.close)
        self.setParameterNode(None)
        self.removeObservers()
        self.panel.close()

    def enter(self):
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self):
        """A run goes on, and its result will be there when the user comes back."""
        self.panel.exit()

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller, event):
        # What is imported goes into the parameter node that is there, and not every change of it is announced.
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode):
        """The parameter node of the scene, wrapped; None between two scenes."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self._parameterNode = parameterNode
        self.panel.bind(parameterNode)
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)

    def onParametersModified(self, caller, event):
        self.panel.update()


class REACTKDLogic(ScriptedLoadableModuleLogic):
    """What scripts call."""

    def getParameterNode(self):
        from REACTKDLib.panel.parameters import Parameters

        return Parameters(super().getParameterNode())

    def process(
        self,
        ct,
        segmentation,
        petFdg=None,
        petAcetate=None,
        model=None,
        device="auto",
        liverSegment=None,
        tumorSegment=None,
    ):
        """Grades nodes and shows the result in the scene; returns its overlay (REACTKDLib.scene.overlay_nodes.Overlay).

        model: folder, the demo model by default. liverSegment, tumorSegment: segment ids, by name by default.
        The application stays responsive meanwhile. Raises REACTKDLib.imaging.errors.ReactKDError.
        """
        from REACTKDLib.panel.processing import process

        pet = {tracer: node for tracer, node in (("fdg", petFdg), ("act", petAcetate)) if node is not None}
        return process(ct, segmentation, pet, model, device, liverSegment, tumorSegment)


class REACTKDTest(ScriptedLoadableModuleTest):
    """The self test inside the application. It fails, and never passes, where packages are missing."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        self.openModule()

    def runTest(self):
        self.setUp()
        self.test_from_sample_data_to_a_result_and_back()

    def test_from_sample_data_to_a_result_and_back(self):
        """As a user would: sample data, Apply, a click on a row, save, close, open."""
        import tempfile

        panel = slicer.util.getModuleWidget("REACTKD").panel
        ui = slicer.util.getModuleWidget("REACTKD").ui
        ui.sampleDataButton.click()
        self.assertTrue(ui.applyButton.enabled, ui.applyButton.toolTip)
        ui.applyButton.click()
        self.waitWhile(lambda: panel.session.running)
        self.assertIsNotNone(panel.result.overlay, ui.messageLabel.text)
        self.assertAlmostEqual(sum(panel.result.overlay.probabilities), 1.0, places=5)

        for row, region in enumerate(self.regionsByRow(ui)):
            ui.regionTable.clearSelection()
            ui.regionTable.selectRow(row)
            self.assertEqual(panel.result.selected, region.id)
            if slicer.app.layoutManager() is None:
                # Without its window the application has no slice views.
                continue
            red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceToRAS()
            for axis in range(3):
                self.assertLess(abs(red.GetElement(axis, 3) - region.slice_point[axis]), 1.0)
        self.delayDisplay("Graded the phantom")

        grade = panel.result.overlay.grade
        with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
            path = os.path.join(folder, "scene.mrb")
            self.assertTrue(slicer.util.saveScene(path))
            slicer.mrmlScene.Clear()
            self.assertIsNone(panel.result.overlay)
            slicer.util.loadScene(path)
        self.assertIsNotNone(panel.result.overlay)
        self.assertEqual(panel.result.overlay.grade, grade)
        self.delayDisplay("The saved scene brought the result back")

    def openModule(self):
        """Only a module that is shown takes up a scene that is opened."""
        if slicer.app.layoutManager() is not None:
            slicer.util.selectModule("REACTKD")
            return
        # Without its window the application has no list to select a module from.
        widget = slicer.util.getModule("REACTKD").widgetRepresentation()
        if not widget.isEntered:
            widget.enter()

    def regionsByRow(self, ui):
        overlay = slicer.util.getModuleWidget("REACTKD").panel.result.overlay
        names = [ui.regionTable.item(row, 0).text() for row in range(ui.regionTable.rowCount)]
        return [next(region for region in overlay.regions if region.name == name) for name in names]

    def waitWhile(self, condition, seconds=300):
        import time

        end = time.monotonic() + seconds
        while condition():
            slicer.app.processEvents()
            time.sleep(0.01)
            if time.monotonic() > end:
                self.fail(f"Still waiting after {seconds} s")
