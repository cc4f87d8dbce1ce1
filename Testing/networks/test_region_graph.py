import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from REACTKDLib.networks.region_graph import masked_average, region_graph

GRID = (2, 3, 4)


def test_nodes_are_the_weighted_means_numpy_gives():
    features, weights = torch.randn(2, 5, *GRID), torch.rand(2, 3, *GRID)
    nodes = region_graph(features, weights).nodes
    for case in range(2):
        for region in range(3):
            expected = np.average(features[case].flatten(1).numpy(), axis=1, weights=weights[case, region].flatten())
            np.testing.assert_allclose(nodes[case, region], expected, rtol=1e-4, atol=1e-5)


def test_edges_are_the_cosines_scipy_gives():
    graph = region_graph(torch.randn(1, 5, *GRID), torch.rand(1, 4, *GRID))
    expected = 1 - cdist(graph.nodes[0], graph.nodes[0], metric="cosine")
    np.testing.assert_allclose(graph.edges[0], expected, atol=1e-5)


def test_a_lesion_smaller_than_a_feature_voxel_keeps_its_node():
    features, weights = torch.randn(1, 5, *GRID), torch.zeros(1, 1, *GRID)
    # One input voxel at stride 8.
    weights[0, 0, 1, 2, 3] = 1 / 512
    graph = region_graph(features, weights)
    assert graph.present.all()
    torch.testing.assert_close(graph.nodes[0, 0], features[0, :, 1, 2, 3])


def test_cases_with_no_lesion_one_and_twelve_share_a_batch():
    lesions = [0, 1, 12]
    features, weights = torch.randn(3, 5, *GRID), torch.zeros(3, 13, *GRID)
    for case, count in enumerate(lesions):
        weights[case, : 1 + count] = torch.rand(1 + count, *GRID)
    graph = region_graph(features, weights)
    assert graph.present.sum(1).tolist() == [1 + count for count in lesions]
    assert graph.nodes[~graph.present].abs().max() == 0
    for case, count in enumerate(lesions):
        regions = slice(0, 1 + count)
        alone = region_graph(features[case : case + 1], weights[case : case + 1, regions])
        torch.testing.assert_close(graph.nodes[case, regions], alone.nodes[0])
        torch.testing.assert_close(graph.edges[case, regions, regions], alone.edges[0])
        assert graph.edges[case, 1 + count :].abs().sum() == 0
        assert graph.edges[case, :, 1 + count :].abs().sum() == 0


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(5)))
def test_reordering_the_regions_reorders_the_graph(order):
    generator = torch.Generator().manual_seed(0)
    features, weights = torch.randn(1, 6, *GRID, generator=generator), torch.rand(1, 5, *GRID, generator=generator)
    weights[:, 4] = 0
    graph, reordered = region_graph(features, weights), region_graph(features, weights[:, order])
    torch.testing.assert_close(reordered.nodes, graph.nodes[:, order])
    torch.testing.assert_close(reordered.edges, graph.edges[:, order][:, :, order])
    assert torch.equal(reordered.present, graph.present[:, order])


def test_gradient_of_an_edge_reaches_the_map_and_stays_finite_beside_padding():
    features, weights = torch.randn(1, 5, *GRID, requires_grad=True), torch.rand(1, 3, *GRID)
    weights[:, 2] = 0
    region_graph(features, weights).edges[0, 0, 1].backward()
    assert features.grad.isfinite().all()
    assert features.grad.abs().max() > 0


def test_pooling_stays_in_float32_under_autocast():
    features, weights = torch.randn(1, 5, *GRID), torch.rand(1, 3, *GRID)
    expected = region_graph(features, weights)
    with torch.autocast("cpu", torch.bfloat16):
        graph = region_graph(features, weights)
    assert torch.equal(graph.nodes, expected.nodes)
    assert torch.equal(graph.edges, expected.edges)


def test_weights_of_another_grid_are_refused():
    with pytest.raises(ValueError, match="differ"):
        masked_average(torch.zeros(1, 5, 2, 3, 4), torch.zeros(1, 2, 4, 3, 2))
