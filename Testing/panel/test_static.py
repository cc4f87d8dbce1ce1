"""What only the application would notice: names it does not have, text nobody can translate."""

import ast
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

WIDGETS = {
    "QWidget", "QFrame", "QLabel", "QComboBox", "QPushButton", "QToolButton", "QCheckBox", "QProgressBar",
    "QTableWidget", "QPlainTextEdit", "qMRMLWidget", "qMRMLNodeComboBox", "ctkCollapsibleButton",
    "ctkCollapsibleGroupBox", "ctkSliderWidget",
}  # fmt: skip

ALLOWED = {
    "slicer.app": {
        "aboutToQuit", "applicationVersion", "clipboard", "connect", "disconnect", "layoutManager", "processEvents",
        "slicerUserSettingsFilePath", "temporaryPath",
    },
    "slicer.util": {
        "VTKObservationMixin", "childWidgetVariables", "confirmOkCancelDisplay", "getModule", "getModuleWidget",
        "infoDisplay", "loadScene", "loadSegmentation", "loadUI", "loadVolume", "moduleNames", "saveScene",
        "selectModule", "setSliceViewerLayers", "tryWithErrorDisplay",
    },
    "slicer": {
        "app", "mrmlScene", "util", "i18n", "ScriptedLoadableModule", "parameterNodeWrapper",
        "vtkMRMLInteractionNode", "vtkMRMLLayoutNode", "vtkMRMLNode", "vtkMRMLScalarVolumeNode",
        "vtkMRMLScriptedModuleNode", "vtkMRMLSegmentationNode", "vtkMRMLTransformableNode", "vtkMRMLVolumeNode",
    },
    "qt": {
        "QAbstractItemView", "QBrush", "QColor", "QEvent", "QFileDialog", "QHeaderView", "QLabel",
        "QObject", "QProcess", "QProcessEnvironment", "QProgressBar", "QSettings", "QTableWidget",
        "QTableWidgetItem", "QTimer", "Qt", "QWidget", "QComboBox",
    },
    "ctk": set(),
}  # fmt: skip
"""Checked against the sources of Slicer 5.12; a name that is added here must be looked up there."""


@pytest.fixture(scope="module")
def sources(project) -> list[Path]:
    return [project / "REACTKD" / "REACTKD.py", *sorted((project / "REACTKDLib" / "panel").glob("*.py"))]


@pytest.fixture(scope="module")
def ui_file(project) -> ElementTree.Element:
    return ElementTree.parse(project / "REACTKD" / "Resources" / "UI" / "REACTKD.ui").getroot()


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def test_every_widget_of_the_ui_is_known(ui_file):
    assert {widget.get("class") for widget in ui_file.iter("widget")} <= WIDGETS


def test_no_two_widgets_of_the_ui_have_one_name(ui_file):
    names = [widget.get("name") for widget in ui_file.iter("widget")]
    assert sorted(names) == sorted(set(names))


def test_every_custom_widget_of_the_ui_is_declared(ui_file):
    used = {widget.get("class") for widget in ui_file.iter("widget")}
    declared = {custom.findtext("class") for custom in ui_file.iter("customwidget")}
    assert {name for name in used if not name.startswith("Q")} == declared


def test_every_scene_widget_is_given_the_scene(ui_file):
    scene_widgets = {w.get("name") for w in ui_file.iter("widget") if w.get("class") == "qMRMLNodeComboBox"}
    connected = {c.findtext("receiver") for c in ui_file.iter("connection")}
    assert scene_widgets == connected


def test_every_parameter_of_the_ui_exists(ui_file, project):
    text = (project / "REACTKDLib" / "panel" / "parameters.py").read_text()
    names = {p.findtext("string") for p in ui_file.iter("property") if p.get("name") == "SlicerParameterName"}
    assert names
    assert all(re.search(rf"^    {name}: ", text, re.MULTILINE) for name in names)


def test_every_widget_that_code_uses_is_in_the_ui(ui_file, sources):
    there = {widget.get("name") for widget in ui_file.iter("widget")}
    used = set()
    for path in sources:
        used |= set(re.findall(r"\b_?ui\.(\w+)", path.read_text()))
    assert used <= there


def test_only_names_that_the_application_has_are_used(sources):
    unknown = []
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            name = dotted(node) if isinstance(node, ast.Attribute) else ""
            for owner, names in ALLOWED.items():
                of_owner = name.startswith(f"{owner}.") and name.count(".") == owner.count(".") + 1
                if of_owner and name.removeprefix(f"{owner}.") not in names:
                    unknown.append(f"{path.name}: {name}")
    assert unknown == []


def test_every_label_that_is_given_escaped_text_shows_rich_text(ui_file, sources):
    # Left to guess, Qt shows `&amp;` as it stands in a text without tags.
    given = set()
    for path in sources:
        given |= set(re.findall(r"\b_?ui\.(\w+)\.text = .*(?:escaped|colored)\(", path.read_text()))
    rich = {
        widget.get("name")
        for widget in ui_file.iter("widget")
        for found in widget.findall("property")
        if found.get("name") == "textFormat" and found.findtext("enum") == "Qt::RichText"
    }
    assert {"exportLabel", "setupLabel"} <= given <= rich


def test_every_text_of_the_panel_can_be_translated(sources):
    untranslated = []
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.JoinedStr):
                texts = {t.attr for t in node.targets if isinstance(t, ast.Attribute)} & {"text", "toolTip", "title"}
                value = node.value.value if isinstance(node.value, ast.Constant) else "f"
                if texts and value:
                    untranslated.append(f"{path.name}:{node.lineno}")
    # Rich text that is put together of parts that were translated already.
    assert [place for place in untranslated if not place.startswith("result_section")] == []


def test_nothing_is_imported_from_torch_or_installed_packages_when_the_module_is_loaded(sources):
    heavy = {"torch", "monai", "einops", "safetensors", "jinja2", "psutil", "tqdm"}
    for path in sources:
        for node in ast.parse(path.read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not heavy & {name.split(".")[0] for name in names}, path.name
