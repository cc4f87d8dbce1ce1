import json
import subprocess
import sys

import pytest
from safetensors.torch import save

from REACTKDLib.networks.architecture import Architecture, build_network


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_an_architecture_survives_json(network):
    architecture = Architecture(
        network=network, stride=8, blocks_down=(1, 1, 2, 2), branches=("dose",), tracers=("act", "fdg"), members=3
    )
    assert Architecture.from_dict(json.loads(json.dumps(architecture.to_dict()))) == architecture


def test_a_missing_or_unknown_choice_is_refused_by_name():
    values = Architecture(network="student").to_dict()
    with pytest.raises(TypeError, match="dropout"):
        Architecture.from_dict(values | {"dropout": 0.1})
    del values["width"]
    with pytest.raises(TypeError, match="width"):
        Architecture.from_dict(values)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"network": "resnet"}, "resnet"),
        ({"network": "student", "stride": 16}, "strides"),
        ({"network": "student", "stride": 3}, "strides"),
        ({"network": "teacher", "stride": 1}, "strides"),
        ({"network": "teacher", "branches": ("ct",)}, "branches"),
        ({"network": "teacher", "branches": ()}, "branches"),
        ({"network": "student", "tracers": ("pet",)}, "tracers"),
        ({"network": "student", "tracers": ("fdg", "fdg")}, "tracers"),
        ({"network": "student", "members": 0}, "members"),
    ],
)
def test_choices_that_do_not_fit_together_are_refused(choices, message):
    with pytest.raises(ValueError, match=message):
        Architecture(**choices)


def test_the_same_weights_load_into_a_network_built_from_the_saved_description():
    architecture = Architecture(network="student", width=16, init_filters=4, blocks_down=(1, 1, 1))
    weights = build_network(architecture).state_dict()
    assert build_network(architecture.to_dict()).load_state_dict(weights, strict=True)


def test_the_student_is_light():
    student = build_network(Architecture(network="student"))
    assert sum(parameter.numel() for parameter in student.parameters()) <= 3_000_000
    assert len(save(student.state_dict())) <= 12e6


def test_a_stream_of_the_papers_teacher_is_a_swin_encoder_of_8_million_parameters():
    teacher = build_network(Architecture(network="teacher", branches=("dose",)))
    count = sum(parameter.numel() for parameter in teacher.streams["dose"].encoder.parameters())
    assert 7e6 < count < 9e6


def test_reading_an_architecture_does_not_load_torch():
    code = "import sys; import REACTKDLib.networks.architecture; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
