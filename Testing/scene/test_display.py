"""What is shown of an overlay can be chosen, and read again from its nodes."""

import pytest

from REACTKDLib.scene.display import (
    OVERLAY_OPACITY,
    composites,
    set_overlay_opacity,
    show_class,
    show_edges,
    show_in_slices,
    show_labels,
    show_map,
    show_nodes,
    show_similar,
    shown,
)
from REACTKDLib.scene.layout import add_layout


@pytest.fixture
def laid_out(host, overlay):
    """An overlay in three slice views."""
    add_layout(host, overlay)
    show_in_slices(overlay)
    return overlay


@pytest.mark.parametrize(
    ("show", "part", "nodes"),
    [(show_nodes, "nodes", "node_model"), (show_edges, "edges", "edge_model"), (show_labels, "labels", "labels")],
)
def test_each_part_of_the_graph_is_hidden_by_itself(overlay, show, part, nodes):
    before = vars(shown(overlay))
    show(overlay, False)
    assert vars(shown(overlay)) == {**before, part: False}
    assert not getattr(overlay, nodes).GetDisplayNode().GetVisibility()
    show(overlay, True)
    assert vars(shown(overlay)) == before


def test_the_slices_show_either_map_or_none_at_the_opacity_they_had(laid_out):
    set_overlay_opacity(laid_out, 0.3)
    for attention_map, volumes in (("region", laid_out.region_attention), ("voxel", laid_out.voxel_attention)):
        show_map(laid_out, None)
        assert shown(laid_out).attention_map is None
        assert {composite.GetForegroundVolumeID() for composite in composites(laid_out.scene)} == {None}
        assert {composite.GetBackgroundVolumeID() for composite in composites(laid_out.scene)} == {laid_out.ct.GetID()}
        show_map(laid_out, attention_map)
        assert shown(laid_out).attention_map == attention_map
        seen = {(c.GetForegroundVolumeID(), c.GetForegroundOpacity()) for c in composites(laid_out.scene)}
        assert seen == {(volumes[laid_out.shown_class].GetID(), 0.3)}


def test_an_opacity_that_was_set_while_no_map_was_shown_holds_for_the_next(laid_out):
    show_map(laid_out, None)
    set_overlay_opacity(laid_out, 0.8)
    assert shown(laid_out).opacity == 0.8
    show_map(laid_out, "voxel")
    assert {composite.GetForegroundOpacity() for composite in composites(laid_out.scene)} == {0.8}


def test_no_map_leaves_the_slices_of_others_alone(laid_out):
    red, *_ = composites(laid_out.scene)
    red.SetForegroundVolumeID(laid_out.ct.GetID())
    show_map(laid_out, None)
    assert red.GetForegroundVolumeID() == laid_out.ct.GetID()


def test_an_opacity_that_was_changed_elsewhere_is_read(laid_out):
    for composite in composites(laid_out.scene):
        composite.SetForegroundOpacity(0.15)
    assert shown(laid_out).opacity == 0.15


def test_without_slice_views_there_is_no_map_and_the_usual_opacity(overlay):
    for composite in list(composites(overlay.scene)):
        overlay.scene.RemoveNode(composite)
    assert (shown(overlay).attention_map, shown(overlay).opacity) == (None, OVERLAY_OPACITY)


def test_class_and_weakest_edge_are_read(overlay):
    assert shown(overlay).similarity == -1.0
    show_similar(overlay, 0.25)
    show_class(overlay, 0)
    assert (shown(overlay).similarity, shown(overlay).class_index) == (0.25, 0)
