"""Widgets of CTK and Slicer that `.ui` files name: properties, signals and slots, as far as the module uses them."""

from . import collapsing, combo_boxes, node_combo_box, paths, scene_widgets, segment_selector, sliders
from .declaring import WIDGETS

__all__ = [
    "WIDGETS",
    "collapsing",
    "combo_boxes",
    "node_combo_box",
    "paths",
    "scene_widgets",
    "segment_selector",
    "sliders",
]
