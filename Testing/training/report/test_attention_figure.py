from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import nn

from REACTKDLib.imaging.regions import LIVER_LABEL, find_regions
from REACTKDLib.networks.batch import ModalityBatch, NetworkOutput
from REACTKDLib.networks.head import classify
from training.evaluation.errors import EvaluationError
from training.report.attention_figure import attention_figure, attention_in
from training.report.networks import HeldOut, read_networks
from training.report.typical_slices import section_of, typical_cases


class Stub(nn.Module):
    """Reads as a student; what it says is told it, by the sum of the case's CT."""

    def __init__(self, of: HeldOut, logits: dict[str, list[float]]):
        super().__init__()
        self.architecture = of.network.architecture
        self.place = nn.Parameter(torch.zeros(1))
        self.said = {}
        for name, values in logits.items():
            ((_, inputs),) = of.batches([name])
            self.said[round(float(inputs.images["ct"].sum()), 2)] = values

    def forward(self, batch: ModalityBatch) -> NetworkOutput:
        values = [self.said[round(float(image.sum()), 2)] for image in batch.images["ct"]]
        return NetworkOutput(torch.tensor(values), torch.zeros(batch.size, 1, 1, 1, 1))


class LooksAt(nn.Module):
    """Speaks for grade 0 where `block` of the fused map is, `strength` times, and nowhere else."""

    def __init__(self, of: HeldOut, block: tuple[slice, ...], strength: float = 1.0, says: int = 0):
        super().__init__()
        self.architecture = of.network.architecture
        features = torch.zeros(1, 1, *of.cases.spec.feature_grid)
        features[(0, 0, *block)] = strength
        self.register_buffer("features", features)
        self.head = nn.Linear(1, 3)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[2.0], [-1.0], [-1.0]]))
            self.head.bias.copy_(9.0 * torch.eye(3)[says])

    def forward(self, batch: ModalityBatch) -> NetworkOutput:
        features = self.features.expand(batch.size, -1, -1, -1, -1)
        return NetworkOutput(classify(self.head, features), features)


EVERYWHERE = (slice(None),) * 3
LEFT_FRONT = (slice(None), slice(0, 2), slice(4, 6))
"""Of a feature grid of 4 x 6 x 6 in LPS: low y is anterior, high x the patient's left."""


@pytest.fixture(scope="module")
def student(small_run) -> HeldOut:
    return read_networks(small_run, ["student-react_kd"], 0, 0)[0]


def test_the_cases_shown_are_of_median_confidence_among_the_correct_ones(noise):
    grades = noise.cases.grades
    of_grade = {grade: [name for name in noise.names if grades[name] == grade] for grade in range(3)}
    sure = {0: [3.0, 1.0, 2.0, 4.0], 1: [5.0, -5.0, 1.0, 3.0], 2: [-1.0, -1.0, -1.0, -1.0]}
    logits = {
        name: (value * np.eye(3)[grade]).tolist()
        for grade, names in of_grade.items()
        for name, value in zip(names, sure[grade], strict=True)
    }
    told = replace(noise, network=Stub(noise, logits))
    # Of grade 0 the less sure of the two in the middle; of grade 1 three are right; of grade 2 none is.
    assert typical_cases(told) == {0: of_grade[0][2], 1: of_grade[1][3]}
    wrong = {name: [-5.0 * (grades[name] == grade) for grade in range(3)] for name in noise.names}
    with pytest.raises(EvaluationError, match="no held-out case"):
        typical_cases(replace(noise, network=Stub(noise, wrong)))


def test_the_slice_is_the_one_with_the_most_voxels_of_the_largest_lesion(student):
    for name in student.names:
        regions = find_regions(student.files[name].read(), student.cases.spec)
        areas = (regions.label_map == LIVER_LABEL + 1).sum((1, 2))
        height = regions.geometry.to_world(np.array([0, 0, areas.argmax()]))[2]
        section = section_of(student, name)
        assert section.plane.origin[2] == pytest.approx(height, abs=1e-6)
        assert section.lesions.max() > 0


def test_the_patients_right_is_on_the_pictures_left_and_the_front_at_its_top(student):
    name = student.names[0]
    section = section_of(student, name)
    height, width = section.liver.shape
    seen = attention_in(replace(student, network=LooksAt(student, LEFT_FRONT)), name, section)
    rows, columns = np.nonzero(seen.density > seen.density.max() / 2)
    assert rows.max() < 0.6 * height
    assert columns.min() > 0.4 * width
    # And so is the anatomy: the liver is on the patient's right.
    assert np.nonzero(section.liver > 0)[1].mean() < width / 2


@pytest.mark.parametrize("orientation", ["RAI", "LSA"])
def test_the_picture_does_not_depend_on_how_the_files_are_stored(student, tmp_path, orientation):
    name = student.names[0]
    files = student.files[name]
    stored = {}
    for role in ("ct", "liver", "tumor", "pet_fdg", "pet_act"):
        stored[role] = tmp_path / f"{role}.nrrd"
        sitk.WriteImage(sitk.DICOMOrient(sitk.ReadImage(str(getattr(files, role))), orientation), str(stored[role]))
    turned = replace(student, files={name: replace(files, **stored)})
    one, other = section_of(student, name), section_of(turned, name)
    # 1 HU is 0.64 of 255 greys in this window, and a CT is of whole numbers.
    np.testing.assert_allclose(one.ct, other.ct, atol=0.64)
    np.testing.assert_allclose(one.fdg, other.fdg, atol=0.64)
    assert one.feature_grid.matches(other.feature_grid)


def test_attention_adds_up_to_the_logit_in_whatever_volume_it_is_shown_for(student):
    name = student.names[0]
    section = section_of(student, name)
    everywhere = attention_in(replace(student, network=LooksAt(student, EVERYWHERE)), name, section)
    # A share of 2 of the logit, the classes' mean being 0, is spread evenly over the whole field.
    field_ml = section.feature_grid.voxel_ml * np.prod(section.feature_grid.size)
    middle = everywhere.density[250, 360]
    assert middle == pytest.approx(2 * 100 / field_ml, rel=0.02)


def test_the_figure_has_a_row_for_each_grade_and_a_scale_for_each_network(student):
    name = next(name for name in student.names if student.cases.grades[name] == 0)
    networks = {
        "With RGD": replace(student, network=LooksAt(student, LEFT_FRONT)),
        "Without": replace(student, network=LooksAt(student, LEFT_FRONT, 3.0, says=2)),
    }
    figure = attention_figure(networks, note="Phantoms.")
    figure.draw_without_rendering()
    panels, scales = figure.axes[:4], figure.axes[4:]
    assert [axes.get_title() for axes in panels] == ["CT", "FDG", "With RGD", "Without"]
    assert name in [text.get_text() for text in panels[0].texts]
    written = [{text.get_text(): text.get_position() for text in axes.texts} for axes in panels]
    assert all(texts["R"][0] < texts["L"][0] for texts in written)
    assert [next(text for text in texts if "%" in text) for texts in written[2:]] == ["well, 100%", "poorly, 100%"]
    limits = [float(axes.get_xticklabels()[2].get_text().split("\n")[0]) for axes in scales[2:]]
    # Against grade 2, which the second says, there are 3 halves of what speaks for grade 0 in the first.
    assert limits[1] == pytest.approx(1.5 * limits[0], rel=0.1)
    note = figure._supxlabel.get_text().replace("\n", " ")
    assert "With RGD grades correctly" in note
    assert note.endswith("No case to show of: moderately, poorly. Phantoms.")
