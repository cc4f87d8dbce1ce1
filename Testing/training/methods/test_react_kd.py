from dataclasses import replace

import pytest
import torch

from REACTKDLib.networks.region_graph import region_graph
from Testing.training.methods.batches import architectures, random_batch
from training.losses.distillation import distillation_loss
from training.losses.edges import edge_loss
from training.losses.gromov_wasserstein import gromov_wasserstein_loss
from training.losses.nodes import node_loss
from training.methods.method import DistillBatch
from training.methods.react_kd import ReactKD

GRID = (4, 6, 6)


def react_kd(**options) -> ReactKD:
    torch.manual_seed(0)
    return ReactKD(*architectures(GRID, GRID, (16, 16)), ReactKD.Options(**options))


def of_one_network(batch: DistillBatch) -> DistillBatch:
    """Student and teacher say the same of the same regions."""
    return replace(batch, student=replace(batch.teacher, branch_logits={}), student_regions=batch.regions)


def test_it_is_the_sum_of_the_weighted_losses_of_logits_and_graphs():
    batch = random_batch()
    method = react_kd(kd=0.3, rgd=0.1, node=2, edge=3, gw=4)
    ours = region_graph(batch.student.features, batch.student_regions)
    theirs = region_graph(batch.teacher.features, batch.regions)
    expected = {
        "kd": 0.3 * distillation_loss(batch.student.logits, batch.teacher.logits),
        "node": 0.2 * node_loss(ours.nodes @ method.project.weight.T, theirs.nodes, ours.present),
        "edge": 0.3 * edge_loss(ours.edges, theirs.edges, ours.present),
        "gw": 0.4 * gromov_wasserstein_loss(ours, theirs),
    }
    torch.testing.assert_close(method(batch), expected)


def test_a_learned_layer_on_the_regions_is_a_pointwise_convolution_of_the_map():
    batch = random_batch()
    method = react_kd()
    kernel = method.project.weight[:, :, None, None, None]
    convolved = torch.nn.functional.conv3d(batch.student.features, kernel)
    nodes = method.project(region_graph(batch.student.features, batch.student_regions).nodes)
    torch.testing.assert_close(region_graph(convolved, batch.student_regions).nodes, nodes, atol=1e-5, rtol=1e-4)


def test_a_student_that_agrees_with_its_teacher_pays_nothing():
    method = react_kd()
    torch.nn.init.eye_(method.project.weight)
    for term in method(of_one_network(random_batch())).values():
        assert float(term.detach()) == pytest.approx(0, abs=1e-6)


def test_without_region_graphs_it_is_kd_and_learns_nothing_of_its_own():
    method, batch = react_kd(rgd=0, kd=0.3), random_batch()
    kd = distillation_loss(batch.student.logits, batch.teacher.logits)
    torch.testing.assert_close(method(batch), {"kd": 0.3 * kd})
    assert not list(method.parameters())


def test_a_lesion_the_student_lost_costs_gromov_wasserstein_alone():
    batch = of_one_network(random_batch())
    method = react_kd()
    torch.nn.init.eye_(method.project.weight)
    lost = batch.regions.clone()
    lost[:, -1] = 0
    terms = method(replace(batch, student_regions=lost))
    assert float(terms["node"].detach()) == pytest.approx(0, abs=1e-6)
    assert float(terms["edge"].detach()) == pytest.approx(0, abs=1e-6)
    assert float(terms["gw"].detach()) > 1e-4
