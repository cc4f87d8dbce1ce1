import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.preprocess import preprocess
from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.device import DeviceError, find_device
from REACTKDLib.inference.model_folder import load_model
from REACTKDLib.inference.prediction import Prediction
from REACTKDLib.inference.predictor import Predictor
from REACTKDLib.networks.batch import ModalityBatch
from Testing.models import STUDENT, write_random_model


def parts(prediction: Prediction) -> np.ndarray:
    """bias + background + nodes, (classes,)."""
    nodes = np.sum([node.attention for node in prediction.nodes], axis=0)
    return np.array(prediction.bias) + prediction.background_attention + nodes


@pytest.fixture(scope="module")
def prediction(predictor, case) -> Prediction:
    return predictor.predict(case)


def test_logits_are_those_of_the_plain_network(model_folder, predictor, case, prediction):
    network = load_model(model_folder).network
    channels = preprocess(case, predictor.card.preprocessing).channels
    images = {"ct": torch.from_numpy(channels["ct"])[None], "fdg": torch.from_numpy(channels["fdg"])[None]}
    with torch.no_grad():
        expected = network(ModalityBatch(images, {name: torch.tensor([True]) for name in images})).logits[0]
    assert np.allclose(prediction.logits, expected, atol=1e-4)


def test_the_probabilities_are_the_softmax_of_the_logits_over_the_temperature(predictor, prediction):
    scores = np.exp(np.array(prediction.logits) / predictor.card.temperature)
    assert np.allclose(prediction.probabilities, scores / scores.sum())
    assert prediction.grade == int(np.argmax(prediction.probabilities))
    assert prediction.grade_name == predictor.card.classes[prediction.grade]


def test_entropy_is_between_certain_and_uniform(prediction):
    p = np.array(prediction.probabilities)
    assert prediction.entropy == pytest.approx(-(p * np.log(p)).sum() / math.log(3))


def test_bias_background_and_node_attention_add_up_to_the_logits(prediction):
    assert np.abs(parts(prediction) - prediction.logits).max() < 1e-4


@pytest.mark.parametrize("lesions", ["as drawn", "none", "tiny"])
def test_the_demo_models_attention_adds_up_with_and_without_lesions(case, lesions):
    tumor = sitk.GetArrayFromImage(case.tumor)
    if lesions == "none":
        tumor[:] = 0
    if lesions == "tiny":
        inside = np.argwhere(tumor)[0]
        tumor[:] = 0
        tumor[tuple(slice(i, i + 2) for i in inside)] = 1
    altered = Case.from_images(case.ct, case.liver, case.geometry.image(tumor), case.pet)
    found = Predictor.load(demo_model(), "cpu").predict(altered)
    assert len(found.lesions) == {"as drawn": 3, "none": 0, "tiny": 1}[lesions]
    assert np.abs(parts(found) - found.logits).max() < 1e-4


def test_the_voxel_map_adds_up_to_the_logits_too(prediction):
    voxels = sitk.GetArrayViewFromImage(prediction.attention).reshape(-1, 3).sum(axis=0, dtype=np.float64)
    assert np.allclose(voxels + prediction.bias, prediction.logits, atol=1e-4)


def test_the_region_map_lies_on_the_ct_and_holds_every_node(case, prediction):
    assert Geometry.of(prediction.regions) == case.geometry
    labels = sitk.GetArrayViewFromImage(prediction.regions)
    for node in prediction.nodes:
        volume = np.count_nonzero(labels == node.label) * case.geometry.voxel_ml
        assert volume == pytest.approx(node.volume_ml)


def test_there_is_an_edge_between_every_two_nodes(prediction):
    pairs = {frozenset((edge.source, edge.target)) for edge in prediction.edges}
    count = len(prediction.nodes)
    assert len(pairs) == len(prediction.edges) == count * (count - 1) // 2
    assert all(-1 - 1e-6 <= edge.similarity <= 1 + 1e-6 for edge in prediction.edges)


def test_uptake_is_given_beside_the_livers(prediction):
    liver = prediction.node("liver").pet["fdg"]
    assert liver.ratio == pytest.approx(1)
    for lesion in prediction.lesions:
        assert lesion.pet["fdg"].ratio == pytest.approx(lesion.pet["fdg"].mean / liver.mean)


def test_without_pet_the_grade_rests_on_the_ct_and_says_so(predictor, case):
    found = predictor.predict(Case.from_images(case.ct, case.liver, case.tumor))
    assert "no_pet" in [finding.code for finding in found.findings]
    assert all(node.pet == {} for node in found.nodes)


def test_a_pet_changes_the_logits(predictor, case, prediction):
    without = predictor.predict(Case.from_images(case.ct, case.liver, case.tumor))
    assert not np.allclose(without.logits, prediction.logits, atol=1e-3)


def messages(found: Prediction) -> dict[str, str]:
    return {finding.code: finding.message for finding in found.findings}


def test_with_two_tracers_the_student_reads_the_first_of_its_own_and_says_so(predictor, case, prediction):
    both = Case.from_images(case.ct, case.liver, case.tumor, {**case.pet, "act": case.pet["fdg"] * 3 + 1})
    found = predictor.predict(both)
    assert found.logits == prediction.logits
    assert "acetate" in messages(found)["pet_not_read"]


def test_a_tracer_is_read_as_what_it_is(predictor, case, prediction):
    acetate = predictor.predict(Case.from_images(case.ct, case.liver, case.tumor, {"act": case.pet["fdg"]}))
    assert not np.allclose(acetate.logits, prediction.logits, atol=1e-3)


def test_a_student_of_ct_alone_says_that_it_read_no_pet(tmp_path, case, prediction):
    found = Predictor.load(write_random_model(tmp_path / "m", replace(STUDENT, tracers=())), "cpu").predict(case)
    assert messages(found)["pet_not_read"].endswith("the model reads CT alone.")


def test_a_tracer_that_the_model_was_not_trained_on_is_not_read_and_it_says_so(tmp_path, case):
    model = Predictor.load(write_random_model(tmp_path / "m", replace(STUDENT, tracers=("fdg",))), "cpu")
    acetate = model.predict(Case.from_images(case.ct, case.liver, case.tumor, {"act": case.pet["fdg"]}))
    assert acetate.logits == model.predict(Case.from_images(case.ct, case.liver, case.tumor)).logits
    assert messages(acetate)["pet_not_read"].endswith("the model reads one PET, FDG.")
    assert "no_pet" in messages(acetate)


def test_a_teacher_predicts_and_says_which_tracer_it_misses(teacher_folder, case):
    teacher = Predictor.load(teacher_folder, "cpu")
    found = teacher.predict(case)
    assert np.abs(parts(found) - found.logits).max() < 1e-4
    message = next(finding.message for finding in found.findings if finding.code == "teacher_without_pet")
    assert "acetate" in message
    assert "FDG" not in message


def test_a_model_trained_on_phantoms_says_so_in_every_prediction(prediction):
    assert "phantom_model" in [finding.code for finding in prediction.findings]
    assert prediction.provenance["model"]["trained_on_phantoms"] is True


def test_the_deletion_check_is_the_prediction_without_the_lesion(predictor, prediction):
    check = prediction.deletion
    assert check.node == prediction.most_attended.id
    assert check.change == pytest.approx(check.probabilities[prediction.grade] - max(prediction.probabilities))
    assert check.change != 0


def test_a_case_without_lesions_has_no_deletion_check(predictor, case):
    assert predictor.predict(Case.from_images(case.ct, case.liver)).deletion is None


def test_the_same_case_gives_the_same_logits_every_time(predictor, case, prediction):
    assert predictor.predict(case).logits == prediction.logits


def test_the_order_of_cases_does_not_matter_to_a_loaded_model(model_folder, case, prediction):
    fresh = Predictor.load(model_folder, "cpu")
    fresh.predict(Case.from_images(case.ct, case.liver))
    assert fresh.predict(case).logits == prediction.logits


def test_provenance_says_what_made_the_result(prediction, predictor, files):
    found = prediction.provenance
    assert found["model"]["sha256"] == predictor.card.sha256
    assert set(found["inputs"]) == {"ct", "segmentation", "fdg"}
    assert found["preprocessing"] == predictor.card.preprocessing.to_dict()
    assert found["device"] == "cpu"
    assert set(found["seconds"]) == {"preprocess", "network", "explain"}
    assert str(files.ct.parent) not in str(found)


def test_progress_names_each_stage_once_and_rises(predictor, case):
    seen = []
    predictor.predict(case, lambda stage, fraction: seen.append((stage, fraction)))
    assert [stage for stage, _ in seen] == ["preprocess", "network", "explain"]
    assert [fraction for _, fraction in seen] == sorted(fraction for _, fraction in seen)


def test_raising_in_progress_stops_the_prediction(predictor, case):
    class Stop(Exception):
        pass

    def progress(stage, fraction):
        if stage == "network":
            raise Stop

    with pytest.raises(Stop):
        predictor.predict(case, progress)


def test_a_confident_model_does_not_abstain_and_a_strict_one_does(tmp_path, case):
    results = [
        Predictor.load(write_random_model(tmp_path / str(t), abstain_below=t), "cpu").predict(case) for t in (0.0, 1.0)
    ]
    assert [found.abstain for found in results] == [False, True]


def test_without_a_lesion_there_is_no_grade_however_confident_the_model_is(tmp_path, case):
    model = Predictor.load(write_random_model(tmp_path / "model", abstain_below=0.0), "cpu")
    assert model.predict(Case.from_images(case.ct, case.liver, None, case.pet)).abstain


def test_the_result_says_how_good_the_model_was_with_what_it_read_here(case):
    model = Predictor.load(demo_model(), "cpu")
    with_pet = model.predict(case).provenance["model"]
    alone = model.predict(Case.from_images(case.ct, case.liver, case.tumor)).provenance["model"]
    assert (with_pet["read"], alone["read"]) == (["ct", "fdg"], ["ct"])
    assert with_pet["measured"]["macro_auc"] == model.card.metrics["macro_auc_ct_fdg"]
    assert alone["measured"]["macro_auc_interval"] == model.card.metrics["macro_auc_ct_only_interval"]
    assert alone["measured"]["data"] == model.card.metrics["data"]


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "mps"])
def test_a_device_that_is_not_there_is_an_error_never_a_fallback(name):
    with pytest.raises(DeviceError) as caught:
        find_device(name)
    assert caught.value.hint


def test_auto_takes_cuda_where_there_is_one():
    assert find_device("auto").torch_device.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_in_bf16_agrees_with_the_cpu(model_folder, case, prediction):
    found = Predictor.load(model_folder, "cuda").predict(case)
    assert np.allclose(found.probabilities, prediction.probabilities, atol=0.03)
    assert np.abs(parts(found) - found.logits).max() < 1e-4
