from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.attribution import attribute
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.cpu import prepare_for_cpu_inference
from REACTKDLib.networks.ensemble import Ensemble, make_ensemble

GRID = (8, 16, 16)
STUDENT = Architecture(
    network="student", width=16, init_filters=4, blocks_down=(1, 1, 1), grid=GRID, tracers=("fdg", "act")
)
TEACHER = Architecture(network="teacher", width=16, feature_size=12, grid=GRID)
CONSTANTS = ((0.41, 0.22), (0.55, 0.31), (0.47, 0.18))


def members(architecture: Architecture = STUDENT, count: int = 3) -> list[nn.Module]:
    return [build_network(architecture).eval() for _ in range(count)]


def ct_images(scaled: torch.Tensor, labels: torch.Tensor, mean: float, std: float) -> torch.Tensor:
    """full, masked, lesion (method.md, 2.5) of a CT scaled to [0, 1] and a label map, both (B, D, H, W)."""
    normalised = (scaled - mean) / std
    return torch.stack([normalised, normalised * (labels > 0), scaled * (labels > 1)], 1)


def batches(*constants: tuple[float, float], tracer: str = "fdg") -> list[ModalityBatch]:
    """The same two cases as each network of the given constants expects them; the second has no PET."""
    generator = torch.Generator().manual_seed(1)
    scaled = torch.rand(2, *GRID, generator=generator)
    labels = torch.randint(0, 3, (2, *GRID), generator=generator)
    pet = torch.randn(2, 3, *GRID, generator=generator)
    present = {"ct": torch.tensor([True, True]), tracer: torch.tensor([True, False])}
    return [ModalityBatch({"ct": ct_images(scaled, labels, *pair), tracer: pet}, present) for pair in constants]


@pytest.mark.parametrize("architecture", [STUDENT, TEACHER])
@torch.no_grad()
def test_logits_are_the_mean_of_the_members_each_fed_with_the_constants_of_its_own_fold(architecture):
    networks = members(architecture)
    ensemble, common = make_ensemble(networks, CONSTANTS)
    own = [network(batch) for network, batch in zip(networks, batches(*CONSTANTS), strict=True)]
    found = ensemble(*batches(common))
    expected = torch.stack([output.logits for output in own]).mean(0)
    torch.testing.assert_close(found.logits, expected, atol=1e-5, rtol=0)
    assert found.branch_logits.keys() == own[0].branch_logits.keys()
    for branch, logits in found.branch_logits.items():
        mean = torch.stack([output.branch_logits[branch] for output in own]).mean(0)
        torch.testing.assert_close(logits, mean, atol=1e-5, rtol=0)
        side_by_side = torch.cat([output.branch_features[branch] for output in own], 1)
        torch.testing.assert_close(found.branch_features[branch], side_by_side, atol=1e-4, rtol=1e-4)
        assert torch.equal(found.branch_present[branch], own[0].branch_present[branch])


@torch.no_grad()
def test_constants_that_are_ignored_would_be_noticed():
    networks = members()
    ensemble, common = make_ensemble(networks, CONSTANTS)
    (batch,) = batches(common)
    unrestored = torch.stack([network(batch).logits for network in networks]).mean(0)
    # Ten times what the tests of this file let pass.
    assert (ensemble(batch).logits - unrestored).abs().max() > 1e-4


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(0.1, 0.9), st.floats(0.05, 0.5)), min_size=2, max_size=3))
@torch.no_grad()
def test_every_member_sees_the_images_it_was_trained_on(constants):
    networks = members(count=len(constants))
    ensemble, common = make_ensemble(networks, constants)
    seen = []
    for member in ensemble.members:
        member.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    ensemble(*batches(common))
    for batch, expected in zip(seen, batches(*constants), strict=True):
        for modality in ("ct", "fdg"):
            torch.testing.assert_close(batch.images[modality], expected.images[modality], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_low_dose_ct_of_a_teacher_is_restored_like_its_ct():
    networks = members(TEACHER, 2)
    ensemble, common = make_ensemble(networks, CONSTANTS[:2])

    def with_dose(batch: ModalityBatch) -> ModalityBatch:
        return ModalityBatch(
            {**batch.images, "dose": batch.images["ct"].flip(0)}, {**batch.present, "dose": batch.present["ct"]}
        )

    own = [network(with_dose(batch)).logits for network, batch in zip(networks, batches(*CONSTANTS[:2]), strict=True)]
    found = ensemble(with_dose(*batches(common))).logits
    torch.testing.assert_close(found, torch.stack(own).mean(0), atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_attribution_of_an_ensemble_adds_up_and_is_the_mean_of_its_members():
    networks = members()
    ensemble, common = make_ensemble(networks, CONSTANTS)
    output = ensemble(*batches(common))
    assert output.features.shape == (2, 3 * STUDENT.width, *STUDENT.feature_grid)
    weights = torch.rand(2, 4, *STUDENT.feature_grid) / 4
    found = attribute(output.features, weights, ensemble.head)
    whole = found.bias + found.background + found.nodes.sum(1)
    torch.testing.assert_close(whole, output.logits, atol=1e-5, rtol=0)
    own = [
        attribute(network(batch).features, weights, network.head).nodes
        for network, batch in zip(networks, batches(*CONSTANTS), strict=True)
    ]
    torch.testing.assert_close(found.nodes, torch.stack(own).mean(0), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_an_ensemble_comes_back_from_its_description_and_its_weights():
    ensemble, common = make_ensemble(members(), CONSTANTS)
    (batch,) = batches(common)
    rebuilt = build_network(ensemble.architecture.to_dict()).eval()
    assert isinstance(rebuilt, Ensemble)
    rebuilt.load_state_dict(ensemble.state_dict())
    assert torch.equal(rebuilt(batch).logits, ensemble(batch).logits)
    assert common == pytest.approx((sum(m for m, _ in CONSTANTS) / 3, sum(s for _, s in CONSTANTS) / 3))


@torch.no_grad()
def test_an_ensemble_prepared_for_the_cpu_says_what_it_said_before():
    ensemble, common = make_ensemble(members(), CONSTANTS)
    (batch,) = batches(common)
    before, names = ensemble(batch), ensemble.state_dict().keys()
    prepared = prepare_for_cpu_inference(ensemble)
    assert prepared.state_dict().keys() == names
    torch.testing.assert_close(prepared(batch).logits, before.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(prepared(batch).features, before.features, atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_networks_it_is_made_of_stay_as_they_are():
    networks = members(count=2)
    (batch,) = batches(CONSTANTS[0])
    before = networks[0](batch).logits
    ensemble, _ = make_ensemble(networks, CONSTANTS[:2])
    for parameter in ensemble.parameters():
        parameter.zero_()
    assert torch.equal(networks[0](batch).logits, before)


def test_members_that_do_not_fit_together_are_refused():
    one, two = members(count=2)
    with pytest.raises(ValueError, match="two or more"):
        make_ensemble([one], CONSTANTS[:1])
    with pytest.raises(ValueError, match="built alike"):
        make_ensemble([one, build_network(replace(STUDENT, tracers=("fdg",)))], CONSTANTS[:2])
    with pytest.raises(ValueError, match="each of 2 members"):
        make_ensemble([one, two], CONSTANTS)
    with pytest.raises(ValueError, match="std above 0"):
        make_ensemble([one, two], [(0.5, 0.0), (0.5, 0.2)])
