import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLLabelMapVolumeNode", "vtkMRMLSegmentationNode")


@pytest.mark.parametrize("name", ["ctkSliderWidget", "qMRMLSliderWidget"])
def test_a_slider_stays_in_its_range_and_tells_each_change_once(host, name):
    import ctk
    import slicer

    slider, got = getattr(ctk if name.startswith("ctk") else slicer, name)(), []
    slider.setRange(-2.0, 3.0)
    slider.connect("valueChanged(double)", got.append)
    for value in (1.5, 1.5, 9.0, -9.0):
        slider.value = value
    assert got == [1.5, 3.0, -2.0]


@given(minimum=st.integers(-50, 50), width=st.integers(1, 100), share=st.floats(0, 1), decimals=st.integers(0, 4))
def test_the_value_of_a_slider_is_rounded_to_its_decimals(minimum, width, share, decimals):
    import ctk

    slider = ctk.ctkSliderWidget()
    slider.decimals = decimals
    slider.setRange(minimum, minimum + width)
    slider.value = minimum + share * width
    assert minimum <= slider.value <= minimum + width
    assert abs(slider.value - (minimum + share * width)) <= 0.5 * 10**-decimals * (1 + 1e-9)


def test_a_collapsed_section_hides_what_was_visible_and_only_that(host):
    import ctk
    import qt

    for section in (ctk.ctkCollapsibleButton(), ctk.ctkCollapsibleGroupBox()):
        rows = qt.QVBoxLayout(section)
        shown, hidden = qt.QLabel("shown"), qt.QLabel("hidden")
        rows.addWidget(shown)
        rows.addWidget(hidden)
        hidden.visible = False
        section.show()
        height = section.maximumHeight
        section.collapsed = True
        assert (shown.visible, hidden.visible) == (False, False)
        assert section.maximumHeight < height
        section.collapsed = False
        assert (shown.visible, hidden.visible) == (True, False)


def test_a_click_on_its_header_folds_a_section(host):
    import ctk
    import qt

    section, told = ctk.ctkCollapsibleButton(), []
    section.text = "Advanced"
    section.resize(200, 100)
    section.connect("contentsCollapsed(bool)", told.append)
    qt.QTest.mouseClick(section, qt.Qt.LeftButton, qt.Qt.NoModifier, qt.QPoint(50, 5))
    qt.QTest.mouseClick(section, qt.Qt.LeftButton, qt.Qt.NoModifier, qt.QPoint(50, 90))
    assert section.collapsed is True
    assert told == [True]


def test_a_path_is_typed_set_or_browsed_for(host, tmp_path):
    import ctk
    import qt

    line, told = ctk.ctkPathLineEdit(), []
    line.connect("currentPathChanged(QString)", told.append)
    line.currentPath = "model"
    qt.QTest.keyClicks(line.findChild(qt.QLineEdit), "s")
    host.chosen_paths.append(tmp_path)
    line.browse()
    line.browse()
    assert told == ["model", "models", str(tmp_path)]
    assert line.currentPath == str(tmp_path)


def test_a_folder_is_always_absolute(host, tmp_path):
    import ctk

    button, told = ctk.ctkDirectoryButton(), []
    button.connect("directoryChanged(QString)", told.append)
    assert button.directory == os.getcwd()
    button.directory = ""
    button.directory = "results"
    host.chosen_paths.append(tmp_path)
    host.click(button)
    assert told == [os.path.join(os.getcwd(), "results"), str(tmp_path)]


@pytest.fixture
def node_box(host):
    import slicer

    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(host.scene)
    return box


def listed(box) -> list[str]:
    return [box.nodeFromIndex(index).GetName() for index in range(box.nodeCount())]


def test_a_node_box_lists_types_their_children_and_no_hidden_nodes(host, node_box):
    for name in CLASSES:
        host.scene.AddNewNodeByClass(name, name)
    host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "secret").SetHideFromEditors(True)
    assert listed(node_box) == ["vtkMRMLScalarVolumeNode", "vtkMRMLLabelMapVolumeNode"]
    node_box.showChildNodeTypes = False
    assert listed(node_box) == ["vtkMRMLScalarVolumeNode"]
    node_box.nodeTypes = ["vtkMRMLSegmentationNode"]
    assert listed(node_box) == ["vtkMRMLSegmentationNode"]


def test_a_node_box_lists_nodes_by_attribute(host, node_box):
    for modality in ("CT", "PT"):
        host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", modality).SetAttribute("modality", modality)
    host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "none")
    node_box.addAttribute("vtkMRMLScalarVolumeNode", "modality")
    assert listed(node_box) == ["CT", "PT"]
    node_box.addAttribute("vtkMRMLScalarVolumeNode", "modality", "CT")
    assert listed(node_box) == ["CT"]
    node_box.removeAttribute("vtkMRMLScalarVolumeNode", "modality")
    assert listed(node_box) == ["CT", "PT", "none"]


def test_a_node_box_tells_of_another_choice_and_of_a_lost_one(host, node_box):
    node_box.noneEnabled = True
    nodes, validity, ids = [], [], []
    node_box.connect("currentNodeChanged(vtkMRMLNode*)", nodes.append)
    node_box.connect("currentNodeChanged(bool)", validity.append)
    node_box.connect("currentNodeIDChanged(QString)", ids.append)
    first, second = (host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in "ab")
    assert node_box.currentNode() is None
    node_box.setCurrentNode(first)
    node_box.setCurrentNode(first)
    node_box.setCurrentNodeID(second.GetID())
    identifier = second.GetID()
    host.scene.RemoveNode(second)
    assert nodes == [first, second, None]
    assert validity == [True, True, False]
    assert ids == [first.GetID(), identifier, ""]
    host.close_scene()
    assert (node_box.nodeCount(), node_box.currentNodeID) == (0, "")


def test_a_node_box_makes_nodes_and_selects_them_if_told_so(host, node_box):
    made = node_box.addNode()
    assert node_box.currentNode() is made
    node_box.selectNodeUponCreation = False
    assert node_box.addNode() is not made
    assert node_box.currentNode() is made


def test_a_segment_box_follows_its_segmentation(host):
    import slicer

    node = host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Masks")
    liver = node.GetSegmentation().AddEmptySegment("liver", "Liver")
    box, told = slicer.qMRMLSegmentSelectorWidget(), []
    box.connect("currentSegmentChanged(QString)", told.append)
    box.setMRMLScene(host.scene)
    box.setCurrentNode(node)
    tumor = node.GetSegmentation().AddEmptySegment("tumor", "Tumor")
    box.setCurrentSegmentID(tumor)
    assert told == [liver, tumor]
    node.GetSegmentation().RemoveSegment(tumor)
    assert box.currentSegmentID() == liver
    box.setCurrentNode(None)
    assert (box.currentSegmentID(), box.currentNodeID()) == ("", "")
