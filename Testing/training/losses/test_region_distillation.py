import pytest
import torch

from REACTKDLib.networks.architecture import build_network
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.region_graph import RegionGraph, region_graph
from Testing.models import STUDENT, TEACHER
from Testing.training.losses.random_graphs import random_graph, reordered
from training.losses.edges import edge_loss
from training.losses.gromov_wasserstein import gromov_wasserstein_loss
from training.losses.nodes import node_loss
from training.losses.region_distillation import region_distillation_loss

TERMS = ("node", "edge", "gw")


@pytest.fixture(scope="module")
def networks() -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(0)
    return build_network(STUDENT), build_network(TEACHER)


@pytest.fixture
def graphs(networks) -> tuple[RegionGraph, RegionGraph]:
    """Of networks whose weights could all be trained; the student's graph misses a lesion of the first case."""
    torch.manual_seed(1)
    student, teacher = networks
    student.zero_grad()
    teacher.zero_grad()
    everyone = torch.ones(2, dtype=torch.bool)
    images = {modality: torch.randn(2, 3, *STUDENT.grid) for modality in ("ct", "fdg", "act")}
    ours = ModalityBatch({m: images[m] for m in ("ct", "fdg")}, dict.fromkeys(("ct", "fdg"), everyone))
    theirs = ModalityBatch(images, dict.fromkeys(images, everyone))
    weights = torch.rand(2, 4, *STUDENT.feature_grid)
    weights[1, 3] = 0
    missing = torch.ones(2, 4, 1, 1, 1)
    missing[0, 2] = 0
    return region_graph(student(ours).features, weights * missing), region_graph(teacher(theirs).features, weights)


@pytest.mark.parametrize("term", TERMS)
def test_the_gradient_of_each_term_reaches_the_students_first_convolutions_and_never_the_teacher(
    term, graphs, networks
):
    student, teacher = networks
    region_distillation_loss(*graphs)[term].backward()
    for stream in student.streams.values():
        gradient = stream.encoder.conv_init.weight.grad
        assert gradient.isfinite().all()
        assert float(gradient.abs().max()) > 0
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_its_terms_are_the_losses_of_the_shared_regions_and_of_all():
    student, teacher = random_graph(3, 4), random_graph(4, 2, seed=1)
    shared = student.present & teacher.present
    terms = region_distillation_loss(student, teacher)
    assert tuple(terms) == TERMS
    assert terms["node"] == node_loss(student.nodes, teacher.nodes, shared)
    assert terms["edge"] == edge_loss(student.edges, teacher.edges, shared)
    assert terms["gw"] == gromov_wasserstein_loss(student, teacher)


def test_each_weight_scales_its_term():
    student, teacher = random_graph(3, 4), random_graph(4, 2, seed=1)
    plain = region_distillation_loss(student, teacher)
    weighted = region_distillation_loss(student, teacher, node_weight=2.0, edge_weight=0.5, gw_weight=0.0)
    for term, weight in zip(TERMS, (2.0, 0.5, 0.0), strict=True):
        torch.testing.assert_close(weighted[term], weight * plain[term])


def test_regions_in_another_order_are_found_by_their_counterparts():
    student, teacher = random_graph(5, 4), random_graph(4, 5, seed=1)
    order = [3, 0, 4, 1, 2]
    rows = torch.tensor([order.index(region) for region in range(5)]).expand(2, -1)
    expected = region_distillation_loss(student, teacher)
    for term, value in region_distillation_loss(student, reordered(teacher, order), rows).items():
        torch.testing.assert_close(value, expected[term], atol=1e-6, rtol=1e-5)


def test_a_region_without_a_counterpart_is_left_to_gromov_wasserstein():
    student, teacher = random_graph(3), random_graph(5, seed=1)
    terms = region_distillation_loss(student, teacher, torch.tensor([[4, -1, 0]]))
    rows, theirs = torch.tensor([0, 2]), torch.tensor([4, 0])
    both = torch.ones(1, 2, dtype=torch.bool)
    torch.testing.assert_close(terms["node"], node_loss(student.nodes[:, rows], teacher.nodes[:, theirs], both))
    edges = student.edges[:, rows][:, :, rows], teacher.edges[:, theirs][:, :, theirs]
    torch.testing.assert_close(terms["edge"], edge_loss(*edges, both))
    assert terms["gw"] == gromov_wasserstein_loss(student, teacher)


def test_nothing_shared_leaves_a_finite_loss_without_node_and_edge():
    student, teacher = random_graph(3), random_graph(5, seed=1)
    terms = region_distillation_loss(student, teacher, torch.full((1, 3), -1))
    (gradient,) = torch.autograd.grad(sum(terms.values()), student.nodes)
    assert float(terms["node"].detach()) == float(terms["edge"].detach()) == 0
    assert float(terms["gw"].detach()) > 0
    assert gradient.isfinite().all()


def test_graphs_padded_differently_need_counterparts():
    with pytest.raises(ValueError, match="3 and 5 regions"):
        region_distillation_loss(random_graph(3), random_graph(5))
