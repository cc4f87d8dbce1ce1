import sys
import textwrap

import pytest

MODULE = """
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

EVENTS = []


class Sample(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Sample of a module")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        slicer.app.connect("startupCompleted()", lambda: EVENTS.append("startup"))


class SampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/Sample.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        self.logic = SampleLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.starts)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.ends)

    def starts(self, caller, event):
        EVENTS.append("start of closing")

    def ends(self, caller, event):
        EVENTS.append("end of closing")

    def enter(self):
        EVENTS.append("enter")

    def exit(self):
        EVENTS.append("exit")

    def cleanup(self):
        EVENTS.append("cleanup")
        self.removeObservers()


class SampleLogic(ScriptedLoadableModuleLogic):
    pass


class SampleTest(ScriptedLoadableModuleTest):
    def setUp(self):
        EVENTS.append("setUp")

    def runTest(self):
        self.setUp()
        self.delayDisplay("testing")
        self.assertTrue(WORKS)


WORKS = True
"""
UI = """<ui version="4.0"><class>Sample</class><widget class="qMRMLWidget" name="Sample">
<layout class="QVBoxLayout" name="rows"><item><widget class="QPushButton" name="applyButton"/></item></layout>
</widget></ui>"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    (tmp_path / "Resources" / "UI" / "Sample.ui").write_text(UI)
    path = tmp_path / "Sample.py"
    path.write_text(textwrap.dedent(MODULE))
    return path


@pytest.fixture
def module(host, path):
    module = host.load_module(path)
    yield module
    host.unload_module(module)


def events() -> list[str]:
    return sys.modules["Sample"].EVENTS


def test_a_module_is_known_before_its_widget_is_made(module):
    import slicer

    assert slicer.modules.sample is module
    assert (module.name, module.title) == ("Sample", "Sample of a module")
    assert "Sample" in slicer.util.moduleNames()
    assert slicer.util.getModule("Sample") is module
    assert not hasattr(slicer.modules, "SampleWidget")
    assert events() == ["startup"]


def test_a_module_is_entered_and_left(host, module):
    import slicer

    widget = host.enter("Sample")
    assert module.widgetRepresentation().isEntered
    assert widget is module.widgetRepresentation().self() is slicer.util.getModuleWidget("Sample")
    assert widget.ui.applyButton.parentWidget().parentWidget() is module.widgetRepresentation()
    assert slicer.util.selectedModule() == "Sample"
    host.enter("Sample")
    host.leave()
    assert events() == ["startup", "enter", "exit"]
    assert not module.widgetRepresentation().isEntered


def test_opening_another_module_leaves_this_one(host, module):
    import slicer

    host.enter(module)
    slicer.util.selectModule("SegmentEditor")
    assert (events()[-1], slicer.util.selectedModule()) == ("exit", "SegmentEditor")
    with pytest.raises(RuntimeError, match="NoSuchModule"):
        slicer.util.selectModule("NoSuchModule")


def test_closing_the_scene_tells_when_it_starts_and_ends(host, module):
    host.enter(module)
    host.close_scene()
    assert events() == ["startup", "enter", "start of closing", "end of closing"]


def test_start_up_is_complete_once_for_each_module(host, path):
    first = host.load_module(path)
    before = events()
    host.unload_module(first)
    second = host.load_module(path)
    assert (before, events()) == (["startup"], ["startup"])
    host.unload_module(second)


def test_unloading_a_module_cleans_up(host, path):
    module = host.load_module(path)
    host.enter(module)
    host.unload_module(module)
    assert events() == ["startup", "enter", "exit", "cleanup"]


def test_a_reload_runs_the_file_as_it_is_now(host, module, path):
    before = host.enter(module)
    path.write_text(path.read_text().replace('_("Sample', '_("Example') + "CHANGED = True\n")
    before.onReload()
    after = module.widgetRepresentation().self()
    assert type(after) is not type(before)
    assert sys.modules["Sample"].CHANGED
    assert after.ui.applyButton is not before.ui.applyButton
    host.enter(module)
    host.close_scene()
    assert events()[-2:] == ["start of closing", "end of closing"]


def test_the_self_test_runs_and_can_fail(host, module):
    import slicer

    slicer.selfTests["Sample"](msec=0)
    assert events()[-1] == "setUp"
    sys.modules["Sample"].WORKS = False
    with pytest.raises(AssertionError):
        slicer.selfTests["Sample"](msec=0)


def test_the_developer_mode_shows_a_button_to_reload(host, module):
    import qt

    qt.QSettings().setValue("Developer/DeveloperMode", True)
    widget = host.enter(module)
    assert widget.developerMode is True
    host.click(widget.reloadButton)
    assert module.widgetRepresentation().self() is not widget


def test_a_scene_has_one_parameter_node_of_a_module_that_outlives_closing(host, module):

    logic = host.enter(module).logic
    node = logic.getParameterNode()
    assert logic.getParameterNode() is node
    assert node.GetAttribute("ModuleName") == "Sample"
    host.close_scene()
    assert logic.getParameterNode().GetAttribute("ModuleName") == "Sample"
    assert len(logic.getAllParameterNodes()) == 1
    logic.isSingletonParameterNode = False
    host.scene.AddNode(logic.createParameterNode())
    assert len(logic.getAllParameterNodes()) == 2


def test_modules_of_the_application_have_their_logics(host):
    import slicer

    assert slicer.modules.volumes.logic().IsA("vtkSlicerVolumesLogic")
    assert slicer.modules.segmentations.logic().GetMRMLScene() is host.scene


def test_sample_data_is_listed_and_made(host):
    import SampleData

    made = []
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="Tests", sampleName="Nothing", uris="", customDownloader=lambda source: made.append(1) or ["node"]
    )
    logic = SampleData.SampleDataLogic()
    source = logic.sourceForSampleName("Nothing")
    assert source.customDownloader(source) == ["node"]
    assert logic.sourceForSampleName("Anything") is None
