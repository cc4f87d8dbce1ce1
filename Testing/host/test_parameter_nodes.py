import pathlib
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def parameters(host):
    return wrapper(host)


def wrapper(host):
    import slicer
    from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        ct: slicer.vtkMRMLScalarVolumeNode
        pet: slicer.vtkMRMLScalarVolumeNode | None
        segment: str
        note: str | None
        count: int = 3
        threshold: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
        device: Annotated[str, Choice(["auto", "cpu"]), Default("auto")]
        labels: bool = True
        model: pathlib.Path

    return Parameters(host.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "parameters"))


def test_a_new_node_has_the_defaults(parameters):
    assert (parameters.ct, parameters.pet, parameters.segment, parameters.note) == (None, None, "", None)
    assert (parameters.count, parameters.threshold, parameters.device, parameters.labels) == (3, 0.5, "auto", True)
    assert parameters.model == pathlib.Path()


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0")), number=st.integers(-(2**40), 2**40))
def test_what_is_written_is_read_back_by_another_wrapper(text, number):
    from Testing.slicer_host import start

    first = wrapper(start())
    first.segment, first.note, first.count, first.labels = text, text, number, not first.labels
    second = type(first)(first.parameterNode)
    assert (second.segment, second.note, second.count, second.labels) == (text, text, number, False)
    first.note = None
    assert type(first)(first.parameterNode).note is None


@given(value=st.floats(0, 1))
def test_numbers_keep_every_digit(value):
    from Testing.slicer_host import start

    parameters = wrapper(start())
    parameters.threshold = value
    assert parameters.threshold == value


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("threshold", 1.5, ValueError),
        ("device", "tpu", ValueError),
        ("segment", None, ValueError),
        ("segment", 3, TypeError),
        ("count", 0.5, TypeError),
        ("ct", "vtkMRMLScalarVolumeNode1", TypeError),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_changes_nothing(parameters, name, value, error):
    before = getattr(parameters, name)
    with pytest.raises(error):
        setattr(parameters, name, value)
    assert getattr(parameters, name) == before


def test_nodes_are_references_of_the_scene(host, parameters):
    volume = host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters.ct = parameters.pet = volume
    assert (parameters.ct, parameters.pet) == (volume, volume)
    assert parameters.parameterNode.GetNodeReference("ct") is volume
    parameters.ct = None
    assert (parameters.ct, parameters.pet) == (None, volume)


def test_a_saved_scene_keeps_the_parameters(host, parameters, tmp_path):
    import slicer

    volume = slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16), name="ct")
    parameters.ct, parameters.segment, parameters.count, parameters.note = volume, "liver", 8, "read twice"
    cls = type(parameters)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    host.close_scene()
    slicer.util.loadScene(path)
    again = cls(slicer.util.getNode("parameters"))
    assert (again.ct.GetName(), again.segment, again.count, again.note) == ("ct", "liver", 8, "read twice")


ITEMS = {
    "ct": "qMRMLNodeComboBox",
    "segment": "QLineEdit",
    "count": "QSpinBox",
    "threshold": "ctkSliderWidget",
    "device": "QComboBox",
    "labels": "QCheckBox",
    "model": "ctkPathLineEdit",
}


@pytest.fixture
def ui(host, load_ui):
    binding = '<property name="SlicerParameterName" stdset="0"><string>{0}</string></property>'
    widgets = "".join(
        f'<item><widget class="{cls}" name="{name}">{binding.format(name)}</widget></item>'
        for name, cls in ITEMS.items()
    )
    root, ui = load_ui(widgets)
    ui.ct.setMRMLScene(host.scene)
    ui.root = root
    return ui


def test_widgets_show_parameters_and_change_them(host, parameters, ui):
    volume = host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    tag = parameters.connectGui(ui)
    assert (ui.count.value, ui.threshold.value, ui.threshold.maximum, ui.device.currentText) == (3, 0.5, 1.0, "auto")
    parameters.ct, parameters.segment, parameters.device, parameters.labels = volume, "liver", "cpu", False
    parameters.model = pathlib.Path("models")
    assert ui.ct.currentNode() is volume
    assert (ui.segment.text, ui.device.currentText, ui.labels.checked) == ("liver", "cpu", False)
    assert ui.model.currentPath == "models"
    ui.ct.setCurrentNode(None)
    ui.segment.text, ui.device.currentIndex, ui.labels.checked = "tumor", 0, True
    ui.count.value, ui.threshold.value, ui.model.currentPath = 5, 0.25, "other"
    assert (parameters.ct, parameters.segment, parameters.device, parameters.labels) == (None, "tumor", "auto", True)
    assert (parameters.count, parameters.threshold, parameters.model) == (5, 0.25, pathlib.Path("other"))
    parameters.disconnectGui(tag)
    ui.count.value = 9
    parameters.segment = "unseen"
    assert (parameters.count, ui.segment.text) == (5, "tumor")


def test_a_widget_that_cannot_show_its_parameter_is_an_error(parameters, load_ui):
    import qt

    root, _ = load_ui('<item><widget class="QCheckBox" name="tick"/></item>')
    with pytest.raises(RuntimeError):
        parameters.connectParametersToGui({"segment": root.findChild(qt.QCheckBox)})
    with pytest.raises(ValueError, match="nonsense"):
        parameters.connectParametersToGui({"nonsense": root.findChild(qt.QCheckBox)})


def test_changes_tell_observers_once_in_a_batch(parameters):
    import slicer
    import vtk

    told = []
    tag = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: told.append(event))
    with slicer.util.NodeModify(parameters):
        parameters.count, parameters.segment, parameters.labels = 4, "liver", False
    assert len(told) == 1
    parameters.RemoveObserver(tag)
    parameters.count = 5
    assert len(told) == 1
