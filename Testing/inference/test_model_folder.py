import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.model_card import ModelCard, ModelError
from REACTKDLib.inference.model_folder import load_model, save_model
from REACTKDLib.inference.prediction import OutputError
from REACTKDLib.networks.architecture import build_network
from Testing.models import STUDENT, card_for, write_random_model


@pytest.fixture
def folder(model_folder, tmp_path):
    """A copy to damage."""
    return shutil.copytree(model_folder, tmp_path / "model")


def refused(folder) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert caught.value.hint
    return caught.value.code


def rewrite(folder, change) -> None:
    values = json.loads((folder / "model.json").read_text())
    change(values)
    (folder / "model.json").write_text(json.dumps(values))


def test_a_network_and_its_card_come_back_as_they_were_saved(tmp_path):
    network = build_network(STUDENT)
    card = card_for(STUDENT, metrics={"macro_auc": 0.5, "data": "nothing"})
    save_model(tmp_path / "m", network, card, "readme")
    loaded = load_model(tmp_path / "m")
    assert not loaded.network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], tensor)
    assert loaded.card.sha256
    assert loaded.card.preprocessing == card.preprocessing
    assert loaded.card.metrics == card.metrics


def test_half_precision_halves_the_file_and_hardly_moves_the_weights(tmp_path):
    network = build_network(STUDENT)
    sizes = []
    for half in (False, True):
        save_model(tmp_path / str(half), network, card_for(STUDENT), "readme", half=half)
        sizes.append((tmp_path / str(half) / "model.safetensors").stat().st_size)
    assert sizes[1] < 0.6 * sizes[0]
    loaded = load_model(tmp_path / "True").network.state_dict()
    for name, tensor in network.state_dict().items():
        assert torch.allclose(loaded[name], tensor, rtol=1e-3, atol=1e-4)


def test_two_models_have_different_hashes_and_one_model_always_the_same(tmp_path):
    hashes = [
        ModelCard.read(write_random_model(tmp_path / str(i), seed=seed)).sha256 for i, seed in enumerate((1, 1, 2))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_altered_weights_are_refused(folder):
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    assert refused(folder) == "model_hash"


def test_an_altered_constant_in_the_card_is_refused(folder):
    rewrite(folder, lambda values: values["preprocessing"].update(hu_window=[-100, 200]))
    assert refused(folder) == "model_hash"


def test_a_card_without_a_key_is_refused_and_the_key_is_named(folder):
    rewrite(folder, lambda values: values.pop("temperature"))
    with pytest.raises(ModelError, match="temperature"):
        load_model(folder)


@pytest.mark.parametrize("file", ["model.safetensors", "configs/metadata.json"])
def test_a_missing_file_is_refused(folder, file):
    (folder / file).unlink()
    assert refused(folder) == "missing_model_file"


def test_a_card_without_the_hash_of_the_weights_is_refused(folder):
    rewrite(folder, lambda values: values["hashes"].pop("model.safetensors"))
    assert refused(folder) == "missing_model_key"


def test_a_newer_schema_is_refused_before_anything_else(folder):
    rewrite(folder, lambda values: values.update(schema=99, new_thing=1))
    assert refused(folder) == "newer_model"


@pytest.mark.parametrize("name", ["model.pt", "weights.PTH", "deep/state.pkl", "last.ckpt", "pytorch_model.bin"])
def test_a_folder_with_a_pickle_is_refused(folder, name):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    torch.save({"weight": torch.zeros(1)}, path)
    assert refused(folder) == "pickle_refused"


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null"])
def test_a_card_that_is_no_json_object_is_refused(folder, text):
    (folder / "model.json").write_text(text)
    assert refused(folder) == "broken_model_json"


def test_a_folder_without_a_model_is_refused(tmp_path):
    assert refused(tmp_path) == "missing_model"
    assert refused(tmp_path / "nowhere") == "missing_model"


@pytest.mark.parametrize("change", [{"schema": "2"}, {"schema": None}, {"hashes": [1]}])
def test_a_card_with_a_value_of_the_wrong_kind_is_refused(folder, change):
    rewrite(folder, lambda values: values.update(change))
    assert refused(folder) == "broken_model_json"


def test_a_card_whose_classes_are_not_the_networks_is_refused(tmp_path):
    save_model(tmp_path / "m", build_network(STUDENT), card_for(STUDENT, classes=("a", "b")), "readme")
    assert refused(tmp_path / "m") == "wrong_weights"


def test_a_student_that_reads_other_tracers_than_its_card_says_is_refused(tmp_path):
    save_model(tmp_path / "m", build_network(STUDENT), card_for(STUDENT, tracers=("fdg",)), "readme")
    with pytest.raises(ModelError, match="tracers") as caught:
        load_model(tmp_path / "m")
    assert caught.value.code == "wrong_weights"


def test_the_bundle_names_the_tracers_that_the_model_reads(tmp_path):
    folder = write_random_model(tmp_path / "m", replace(STUDENT, tracers=("act",)))
    metadata = json.loads((folder / "configs" / "metadata.json").read_text())
    assert list(metadata["network_data_format"]["inputs"]) == ["ct", "act"]


def test_weights_of_another_architecture_are_refused(tmp_path):
    wider = replace(card_for(STUDENT), architecture={**STUDENT.to_dict(), "width": 32})
    save_model(tmp_path / "m", build_network(STUDENT), wider, "readme")
    assert refused(tmp_path / "m") == "wrong_weights"


def test_saving_replaces_a_model_but_nothing_else(tmp_path):
    write_random_model(tmp_path / "m", seed=1)
    write_random_model(tmp_path / "m", seed=2)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError) as caught:
        write_random_model(tmp_path / "precious")
    assert caught.value.code == "output_exists"
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "years of work"


def test_monai_opens_the_folder_as_a_bundle(model_folder):
    parser = ConfigParser()
    parser.read_meta(str(model_folder / "configs" / "metadata.json"))
    parser.read_config(str(model_folder / "configs" / "inference.json"))
    parser["bundle_root"] = str(model_folder)
    parser["device"] = "cpu"
    network = parser.get_parsed_content("network_def")
    predictor = parser.get_parsed_content("predictor")
    assert {k: v.shape for k, v in network.state_dict().items()} == {
        k: v.shape for k, v in predictor.network.state_dict().items()
    }
    for key in ("version", "monai_version", "pytorch_version", "numpy_version", "network_data_format", "task"):
        assert parser[f"_meta_::{key}"]


def test_the_bundle_predicts_what_the_predictor_does(model_folder, files, predictor, case, tmp_path):
    parser = ConfigParser()
    parser.read_config(str(model_folder / "configs" / "inference.json"))
    for key, value in {
        "bundle_root": model_folder, "device": "cpu", "ct": files.ct, "segmentation": files.segmentation,
        "pet_fdg": files.pet_fdg, "out": tmp_path / "out",
    }.items():  # fmt: skip
        parser[key] = str(value)
    parser.get_parsed_content("run")
    logits = json.loads((tmp_path / "out" / "prediction.json").read_text())["logits"]
    assert np.allclose(logits, predictor.predict(case).logits, atol=1e-6)


def test_the_demo_model_is_small_whole_and_says_that_it_was_trained_on_phantoms():
    folder = demo_model()
    card = load_model(folder).card
    assert sum(p.stat().st_size for p in folder.rglob("*")) <= 5 * 2**20
    assert card.trained_on_phantoms
    assert "phantom" in card.training["data"]
    assert "phantom" in card.metrics["data"]
    assert "Not for patients" in card.intended_use
    assert card.metrics["macro_auc_ct_fdg"] > 0.9
    assert card.metrics["macro_auc_ct_only"] > 0.8


def test_lesions_speak_for_the_grade_that_the_demo_model_gives():
    metrics = load_model(demo_model()).card.metrics
    for inputs in ("ct_fdg", "ct_only"):
        assert metrics[f"lesions_for_grade_{inputs}"] > 0.95


def test_every_model_error_is_one_that_the_user_is_shown():
    assert issubclass(ModelError, ReactKDError)
