import pytest

SCENE = "<connection><sender>Panel</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal><receiver>{0}</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>"  # noqa: E501


def item(cls: str, name: str, properties: str = "") -> str:
    return f'<item><widget class="{cls}" name="{name}">{properties}</widget></item>'


def test_widgets_get_the_properties_of_the_file(load_ui):
    words = '<property name="{}"><string>{}</string></property>'
    numbers = '<property name="{}"><double>{}</double></property>'
    _, ui = load_ui(
        item("QPushButton", "applyButton", words.format("text", "Apply"))
        + item("ctkSliderWidget", "opacity", numbers.format("maximum", 1) + numbers.format("singleStep", 0.1))
        + item("ctkCollapsibleButton", "advanced", '<property name="collapsed"><bool>true</bool></property>')
        + item("ctkPathLineEdit", "model", words.format("SlicerParameterName", "model").replace(">", ' stdset="0">', 1))
        + item("ctkPathLineEdit", "folder", '<property name="filters"><set>ctkPathLineEdit::Dirs</set></property>')
    )
    assert ui.applyButton.text == "Apply"
    assert (ui.opacity.maximum, ui.opacity.singleStep) == (1.0, 0.1)
    assert ui.advanced.collapsed is True
    assert ui.model.property("SlicerParameterName") == "model"
    assert ui.folder.filters == ui.folder.Dirs


def test_a_scene_reaches_only_the_widgets_that_the_file_connects(host, load_ui):
    root, ui = load_ui(
        item("qMRMLNodeComboBox", "connected") + item("qMRMLNodeComboBox", "forgotten"), SCENE.format("connected")
    )
    root.setMRMLScene(host.scene)
    assert ui.connected.mrmlScene() is host.scene
    assert ui.connected.enabled is True
    assert ui.forgotten.mrmlScene() is None
    assert ui.forgotten.enabled is False


@pytest.mark.parametrize("cls", ["ctkRangeWidget", "QPushButon"])
def test_an_unknown_class_is_an_error_that_names_it(load_ui, cls):
    with pytest.raises(ValueError, match=cls):
        load_ui(item(cls, "something"))


def test_an_unknown_property_is_an_error_that_names_it(load_ui):
    with pytest.raises(ValueError, match="mergeable"):
        load_ui(item("QPushButton", "apply", '<property name="mergeable"><bool>true</bool></property>'))


def test_an_unknown_slot_is_an_error(load_ui):
    with pytest.raises(AttributeError, match="setScene"):
        load_ui(item("qMRMLNodeComboBox", "ct"), SCENE.format("ct").replace("setMRMLScene", "setScene"))


def test_connections_among_qts_own_widgets_work(load_ui):
    wire = "<connection><sender>tick</sender><signal>toggled(bool)</signal><receiver>button</receiver><slot>setEnabled(bool)</slot></connection>"  # noqa: E501
    _, ui = load_ui(item("QCheckBox", "tick") + item("QPushButton", "button"), wire)
    ui.tick.checked = True
    ui.tick.checked = False
    assert ui.button.enabled is False
