"""What is suggested as a case, and what is not."""

import numpy as np
import pytest
import slicer

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.scene.choosing import kind_of, suggest, words
from REACTKDLib.scene.geometry import oriented_image_data
from REACTKDLib.scene.volumes import add_array_volume

GEOMETRY = Geometry((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
HU, UPTAKE, GREY = np.int16([-1000, 60, 800]), np.float32([0.0, 2.5, 12.0]), np.int16([0, 300, 900])


@pytest.fixture
def add(scene):
    """A volume by name, with values, and a DICOM modality if it has one."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)

    def add(name, values=GREY, modality=None):
        volume = add_array_volume(scene, np.resize(values, GEOMETRY.shape), GEOMETRY, name)
        if modality:
            item = hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume)
            hierarchy.SetItemAttribute(item, "DICOM.Modality", modality)
        return volume

    return add


@pytest.fixture
def add_segmentation(scene):
    def add(*names, drawn_on=None):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        for name in names:
            segment = slicer.vtkSegment()
            segment.SetName(name)
            labels = oriented_image_data(np.ones(GEOMETRY.shape, np.uint8), GEOMETRY)
            segment.AddRepresentation("Binary labelmap", labels)
            node.GetSegmentation().AddSegment(segment)
        if drawn_on:
            node.SetReferenceImageGeometryParameterFromVolumeNode(drawn_on)
        return node

    return add


KINDS = [
    # name, values, modality, kind
    ("4: series", GREY, "CT", "ct"),
    ("4: series", GREY, "PT", "pet"),
    ("CT", HU, "MR", None),
    ("PET", UPTAKE, "RTDOSE", None),
    ("CT abdomen", GREY, None, "ct"),
    ("ct_PortalVenous", GREY, None, "ct"),
    ("arterial phase", GREY, None, "ct"),
    ("low dose CT", GREY, None, "ct"),
    ("PET FDG", UPTAKE, None, "pet"),
    ("PT_wb_SUVbw", UPTAKE, None, "pet"),
    ("11C-ACT", UPTAKE, None, "pet"),
    ("acetate", UPTAKE, None, "pet"),
    ("PET-CT", HU, None, "ct"),
    ("PET-CT", UPTAKE, None, "pet"),
    ("volume", HU, None, "ct"),
    ("volume", HU.astype(np.float32), None, None),
    ("volume", UPTAKE, None, None),
    ("volume", GREY, None, None),
    ("Dose", HU, None, None),
    ("T1 portal", GREY, None, None),
    ("Factor", HU, None, "ct"),
    ("compact", UPTAKE, None, None),
]


@pytest.mark.parametrize(("name", "values", "modality", "kind"), KINDS)
def test_a_volume_is_taken_for_what_it_says_it_is(add, name, values, modality, kind):
    assert kind_of(add(name, values, modality)) == kind


CASES = [
    # names of volumes; which of them are suggested: CT, FDG, acetate
    (["CT", "PET FDG", "PET ACT"], (0, 1, 2)),
    (["PET 11C-acetate", "18F-FDG", "CT portal"], (2, 1, 0)),
    (["CT arterial", "CT portal"], (1, None, None)),
    (["CT", "CT arterial"], (1, None, None)),
    (["CT low dose", "CT"], (1, None, None)),
    (["CTAC", "CT arterial"], (1, None, None)),
    (["CT low dose", "PET"], (0, 1, None)),
    (["CT a", "CT b"], (None, None, None)),
    (["PET", "PET AC"], (None, None, None)),
    (["PET FDG NAC", "PET FDG"], (None, 1, None)),
    (["PET FDG", "PET FDG SUV"], (None, 1, None)),
    (["PET PSMA"], (None, None, None)),
    (["PET FDG", "PET"], (None, 0, None)),
    (["PET acetate", "PET"], (None, 1, 0)),
    (["PET FDG ACT"], (None, None, None)),
    (["volume"], (None, None, None)),
    ([], (None, None, None)),
]


@pytest.mark.parametrize(("names", "expected"), CASES)
@pytest.mark.parametrize("order", [1, -1])
def test_each_volume_finds_its_place_whatever_the_order(scene, add, names, expected, order):
    volumes = {name: add(name) for name in names[::order]}
    found = suggest(scene)
    ct, fdg, act = (volumes[names[index]] if index is not None else None for index in expected)
    assert (found.ct, found.pet.get("fdg"), found.pet.get("act")) == (ct, fdg, act)
    assert None not in found.pet.values()


def test_dicom_counts_more_than_names(scene, add):
    ct, pet = add("PET", GREY, "CT"), add("CT", GREY, "PT")
    found = suggest(scene)
    assert (found.ct, found.pet) == (ct, {"fdg": pet})


def test_the_ct_that_was_segmented_counts_more_than_its_name(scene, add, add_segmentation):
    add("CT portal")
    drawn_on = add("CT arterial")
    segmentation = add_segmentation("Liver", drawn_on=drawn_on)
    found = suggest(scene)
    assert (found.ct, found.segmentation) == (drawn_on, segmentation)


def test_a_segmentation_that_was_drawn_on_a_pet_does_not_make_it_the_ct(scene, add, add_segmentation):
    ct, pet = add("CT"), add("PET")
    add_segmentation("Liver", drawn_on=pet)
    assert suggest(scene).ct is ct


@pytest.mark.parametrize(
    ("segmentations", "expected"),
    [
        ([("Liver", "Tumor"), ("Spleen",)], 0),
        ([("Spleen",), ("liver",)], 1),
        ([("Liver",), ("Liver", "Lesion 1")], 1),
        ([("Liver",), ("Liver",)], None),
        ([("Spleen",)], None),
        ([("Liver tumor",)], None),
        ([], None),
    ],
)
def test_the_segmentation_with_a_liver_and_a_tumour_is_suggested(scene, add_segmentation, segmentations, expected):
    nodes = [add_segmentation(*names) for names in segmentations]
    assert suggest(scene).segmentation is (None if expected is None else nodes[expected])


def test_nothing_of_an_overlay_is_suggested(scene, overlay):
    found = suggest(scene)
    assert (found.ct, found.segmentation, found.pet) == (None, None, {})


def test_label_maps_hidden_and_empty_nodes_and_frames_are_not_suggested(scene, add):
    hidden = add("CT hidden")
    hidden.SetHideFromEditors(True)
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "CT label").SetAndObserveImageData(hidden.GetImageData())
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT empty")
    browser = scene.AddNode(slicer.vtkMRMLSequenceBrowserNode())
    sequence = scene.AddNode(slicer.vtkMRMLSequenceNode())
    browser.AddProxyNode(add("CT frame"), sequence, False)
    assert suggest(scene).ct is None


@pytest.mark.parametrize("name", ["CT_Portal", "ctPortal", "ct-portal", "portal CT", "CT.portal"])
def test_words_are_found_however_they_are_joined(name):
    assert words(name) == {"ct", "portal"}
