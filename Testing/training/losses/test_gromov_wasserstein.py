import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from REACTKDLib.networks.region_graph import RegionGraph
from Testing.training.losses.random_graphs import graph_of, random_graph, reordered
from training.losses.edges import edge_loss
from training.losses.gromov_wasserstein import gromov_wasserstein_loss, optimal_couplings
from training.losses.uniform_couplings import row_orders, vertices

SIZES = [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (4, 3), (4, 4), (3, 6), (5, 4), (5, 5), (5, 6), (6, 4), (6, 6)]
LARGE = [(1, 32), (32, 1), (7, 7), (7, 8), (12, 2), (32, 32), (20, 32)]


def loss_of(student: RegionGraph, teacher: RegionGraph) -> float:
    return float(gromov_wasserstein_loss(student, teacher).detach())


def distortion(student: RegionGraph, teacher: RegionGraph, coupling: np.ndarray) -> float:
    """The sum of L_GW, term by term, for one case without padding."""
    e, f = student.edges[0].detach().numpy(), teacher.edges[0].detach().numpy()
    differences = (e[:, :, None, None] - f[None, None]) ** 2
    return float(np.einsum("ijkl,ik,jl->", differences, coupling, coupling))


def brute_force(student: RegionGraph, teacher: RegionGraph) -> float:
    """The least distortion over all vertices of the couplings."""
    e, f = (graph.edges[0].detach().numpy() for graph in (student, teacher))
    if len(e) > len(f):
        e, f = f, e
    n, m = len(e), len(f)
    couplings = vertices(n, m).double().numpy()[:, row_orders(n).numpy()].reshape(-1, n * m)
    differences = (e[:, None, :, None] - f[None, :, None, :]).reshape(n * m, n * m) ** 2
    return float(((couplings @ differences) * couplings).sum(1).min())


def student_and_teacher(n: int, m: int, seed: int = 0) -> tuple[RegionGraph, RegionGraph]:
    return random_graph(n, seed=seed), random_graph(m, seed=seed + 1000)


def padded(regions: int) -> torch.Tensor:
    """Presence, (1, regions + 2)."""
    return torch.tensor([[False, *[True] * regions, False]])


def case_of(graph: RegionGraph, index: int) -> RegionGraph:
    row = slice(index, index + 1)
    return RegionGraph(graph.nodes[row], graph.edges[row], graph.present[row])


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_up_to_six_regions_it_is_the_least_over_all_vertices_of_the_couplings(n, m):
    for seed in range(3):
        student, teacher = student_and_teacher(n, m, seed)
        assert loss_of(student, teacher) == pytest.approx(brute_force(student, teacher), abs=1e-6)


@pytest.mark.parametrize(("n", "m"), SIZES + LARGE)
def test_it_is_never_above_the_exact_solver_of_pot_from_its_own_start(n, m):
    for seed in range(3):
        student, teacher = student_and_teacher(n, m, seed)
        e, f = student.edges[0].detach().numpy(), teacher.edges[0].detach().numpy()
        coupling = ot.gromov.gromov_wasserstein(e, f, ot.unif(n), ot.unif(m))
        assert loss_of(student, teacher) <= distortion(student, teacher, coupling) + 1e-6


@pytest.mark.parametrize(("n", "m"), SIZES + LARGE)
def test_the_coupling_is_one_of_uniform_measures(n, m):
    coupling = optimal_couplings(*student_and_teacher(n, m))[0]
    assert float(coupling.min()) >= 0
    np.testing.assert_allclose(coupling.sum(1), 1 / n, atol=1e-6)
    np.testing.assert_allclose(coupling.sum(0), 1 / m, atol=1e-6)


@pytest.mark.parametrize("regions", [1, 2, 3, 6, 7, 32])
def test_a_permuted_copy_costs_and_teaches_nothing(regions):
    teacher = random_graph(regions, channels=16)
    order = torch.randperm(regions, generator=torch.Generator().manual_seed(1)).tolist()
    student = graph_of(teacher.nodes.detach()[:, order].requires_grad_())
    loss = gromov_wasserstein_loss(student, teacher)
    (gradient,) = torch.autograd.grad(loss, student.edges)
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert float(gradient.abs().max()) < 1e-6


@pytest.mark.parametrize("regions", [8, 32])
def test_the_same_structure_is_found_where_the_features_have_nothing_in_common(regions):
    teacher = random_graph(regions, channels=16)
    generator = torch.Generator().manual_seed(1)
    turn = torch.linalg.qr(torch.randn(16, 16, generator=generator, dtype=torch.float64)).Q
    student = graph_of((teacher.nodes.detach() @ turn)[:, torch.randperm(regions, generator=generator)])
    assert loss_of(student, teacher) == pytest.approx(0, abs=1e-6)


def test_one_region_against_many_pays_for_every_edge_below_its_own():
    student, teacher = student_and_teacher(1, 9)
    assert loss_of(student, teacher) == pytest.approx(float((1 - teacher.edges.detach()).square().mean()), abs=1e-6)


@pytest.mark.parametrize("regions", [2, 5, 8])
def test_it_is_at_most_the_edge_loss_where_both_graphs_hold_the_same_regions(regions):
    for seed in range(5):
        student, teacher = student_and_teacher(regions, regions, seed)
        assert loss_of(student, teacher) <= edge_loss(student.edges, teacher.edges, student.present).item() + 1e-6


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(4)), st.permutations(range(5)))
def test_reordering_the_regions_changes_nothing_not_even_what_each_is_taught(ours, theirs):
    student, teacher = student_and_teacher(4, 5)
    moved = reordered(student, ours)
    (expected,) = torch.autograd.grad(gromov_wasserstein_loss(student, teacher), student.edges, retain_graph=True)
    same = gromov_wasserstein_loss(moved, reordered(teacher, theirs))
    assert float(same.detach()) == pytest.approx(loss_of(student, teacher), abs=1e-6)
    (gradient,) = torch.autograd.grad(same, moved.edges)
    torch.testing.assert_close(gradient, expected[:, ours][:, :, ours], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("n", "m"), [(3, 4), (5, 5), (8, 7)])
def test_padding_anywhere_among_the_regions_changes_nothing_and_gets_no_gradient(n, m):
    student, teacher = student_and_teacher(n, m)
    # What padding holds does not matter: a first and a last row that repeat others, and are absent.
    ours, theirs = (graph_of(g.nodes[:, [0, *range(k), 0]], padded(k)) for g, k in ((student, n), (teacher, m)))
    loss = gromov_wasserstein_loss(ours, theirs)
    assert float(loss.detach()) == pytest.approx(loss_of(student, teacher), abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, ours.edges)
    assert float(gradient[:, ~ours.present[0]].abs().max()) == 0


def test_a_batch_of_different_sizes_costs_the_mean_of_its_cases():
    student, teacher = random_graph(1, 4, 9, 2, 4), random_graph(6, 3, 8, 2, 3, seed=1)
    alone = [loss_of(case_of(student, index), case_of(teacher, index)) for index in range(5)]
    assert loss_of(student, teacher) == pytest.approx(np.mean(alone), abs=1e-6)


def test_a_case_without_regions_costs_and_teaches_nothing():
    student, teacher = random_graph(0, 3, rows=4), random_graph(2, 0, seed=1)
    loss = gromov_wasserstein_loss(student, teacher)
    (gradient,) = torch.autograd.grad(loss, student.edges)
    assert float(loss.detach()) == 0
    assert float(gradient.abs().max()) == 0


@pytest.mark.parametrize(("n", "m"), SIZES + LARGE)
def test_its_gradient_is_that_of_finite_differences(n, m):
    student, teacher = student_and_teacher(n, m)
    nodes = student.nodes.detach()
    direction = torch.randn(nodes.shape, generator=torch.Generator().manual_seed(2), dtype=nodes.dtype)
    step = 1e-6
    after, before = (loss_of(graph_of(nodes + sign * step * direction), teacher) for sign in (1, -1))
    nodes.requires_grad_()
    (gradient,) = torch.autograd.grad(gromov_wasserstein_loss(graph_of(nodes), teacher), nodes)
    assert torch.isfinite(gradient).all()
    assert float((gradient * direction).sum()) == pytest.approx((after - before) / (2 * step), rel=1e-4, abs=1e-7)


def test_its_gradient_never_reaches_the_teacher():
    student, teacher = student_and_teacher(3, 4)
    nodes = teacher.nodes.detach().requires_grad_()
    gromov_wasserstein_loss(student, graph_of(nodes)).backward()
    assert nodes.grad is None


def test_a_step_down_its_gradient_lowers_it():
    student, teacher = student_and_teacher(4, 6)
    nodes = student.nodes.detach().requires_grad_()
    loss = gromov_wasserstein_loss(graph_of(nodes), teacher)
    (gradient,) = torch.autograd.grad(loss, nodes)
    assert loss_of(graph_of(nodes.detach() - 0.1 * gradient), teacher) < float(loss.detach())


def test_it_stays_in_its_precision_under_autocast():
    student, teacher = (graph_of(graph.nodes.detach().float()) for graph in student_and_teacher(5, 6))
    expected = loss_of(student, teacher)
    with torch.autocast("cpu", torch.bfloat16):
        assert loss_of(student, teacher) == expected


@pytest.mark.parametrize("regions", [3, 8])
def test_a_feature_that_is_not_a_number_makes_the_loss_one_neither(regions):
    student, teacher = student_and_teacher(regions, 8)
    nodes = student.nodes.detach().clone()
    nodes[0, 0, 0] = torch.nan
    assert np.isnan(loss_of(graph_of(nodes), teacher))
