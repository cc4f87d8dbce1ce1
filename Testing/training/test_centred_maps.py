from itertools import combinations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from REACTKDLib.networks.batch import NetworkOutput
from Testing.models import STUDENT, TEACHER
from training.centred_maps import CentredMaps

COMMON = torch.linspace(3, 9, TEACHER.width)[:, None, None, None]


def maps(cases: int = 4, common: float | Tensor = COMMON) -> Tensor:
    """Noise, and what all cases have in common."""
    return common + torch.randn(cases, TEACHER.width, 4, 4, 4, generator=torch.Generator().manual_seed(0))


def output(features: Tensor, **branches: Tensor) -> NetworkOutput:
    return NetworkOutput(torch.zeros(len(features), 3), features, branch_features=branches)


def cosines(features: Tensor) -> Tensor:
    """Of each two cases."""
    pooled = features.mean((2, 3, 4))
    return torch.stack([cosine_similarity(a, b, dim=0) for a, b in combinations(pooled, 2)])


def test_cases_that_all_look_alike_by_what_they_have_in_common_are_told_apart():
    found = CentredMaps(STUDENT)(output(maps())).features
    assert cosines(maps()).min() > 0.99
    assert cosines(found).max() < 0.7


def test_nothing_that_is_common_to_all_cases_is_left_and_differences_are_as_before():
    one = CentredMaps(STUDENT)(output(maps())).features
    other = CentredMaps(STUDENT)(output(maps(common=0))).features
    assert torch.allclose(one, other, atol=1e-4)
    assert torch.allclose(one[0] - one[1], maps()[0] - maps()[1], atol=1e-4)
    assert float(one.mean((0, 2, 3, 4)).abs().max()) < 1e-4


def test_each_of_the_teachers_maps_has_a_mean_of_its_own():
    given = output(maps(), structure=maps(common=2 * COMMON), dose=maps(common=-COMMON))
    found = CentredMaps(TEACHER)(given)
    assert set(found.branch_features) == {"structure", "dose"}
    for of_branch in found.branch_features.values():
        assert torch.allclose(of_branch, found.features, atol=1e-4)


def test_in_evaluation_a_case_is_compared_with_those_of_training():
    centred = CentredMaps(STUDENT)
    for _ in range(5):
        centred(output(maps()))
    unlike = maps(cases=1) + 2
    found = centred.eval()(output(unlike)).features
    assert float(found.mean()) == pytest.approx(2 + float((maps(1) - maps()).mean()), abs=0.05)


def test_logits_stay_and_maps_in_half_precision_come_back_in_full():
    given = output(maps().bfloat16())
    found = CentredMaps(STUDENT)(given)
    assert found.logits is given.logits
    assert found.features.dtype == torch.float32


def test_what_would_move_all_cases_alike_gets_no_gradient():
    features = maps().requires_grad_()
    CentredMaps(STUDENT)(output(features)).features[0].sum().backward()
    assert float(features.grad.sum()) == pytest.approx(0, abs=1e-3)
