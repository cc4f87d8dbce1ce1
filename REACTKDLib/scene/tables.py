"""Regions, edges and probabilities as tables: the numbers that the views are drawn from. All of it also as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from ..inference.depiction import slice_point
from ..inference.prediction import Edge, Prediction, PredictionSummary
from .geometry import to_ras

DIGITS = 6
"""Significant ones: what a saved table keeps. Kept from the start, so that a reopened scene equals the one saved."""
CENTROID_COLUMNS = ("centroid R", "centroid A", "centroid S")
SLICE_COLUMNS = ("slices R", "slices A", "slices S")


@dataclass(frozen=True)
class Region:
    """One row of the region table. centroid, slice_point (where slices meet): RAS mm. attention: (classes,)."""

    id: str
    name: str
    volume_ml: float
    centroid: tuple[float, float, float]
    slice_point: tuple[float, float, float]
    attention: tuple[float, ...]


def attention_column(class_name: str) -> str:
    return f"attention: {class_name}"


def add_region_table(scene: slicer.vtkMRMLScene, prediction: Prediction) -> slicer.vtkMRMLTableNode:
    """A row a region; a ratio without liver parenchyma to compare with is NaN."""
    nodes = prediction.nodes
    centroids = to_ras([node.centroid_lps_mm for node in nodes])
    slice_points = to_ras([slice_point(prediction.regions, node) for node in nodes])
    columns: dict[str, Sequence] = {
        "id": [node.id for node in nodes],
        "name": [node.name for node in nodes],
        "volume": [node.volume_ml for node in nodes],
        "mean HU": [node.mean_hu for node in nodes],
        **{attention_column(name): [n.attention[i] for n in nodes] for i, name in enumerate(prediction.classes)},
        **dict(zip(CENTROID_COLUMNS, centroids.T.tolist(), strict=True)),
        **dict(zip(SLICE_COLUMNS, slice_points.T.tolist(), strict=True)),
    }
    for tracer in dict.fromkeys(tracer for node in nodes for tracer in node.pet):
        uptakes = [node.pet.get(tracer) for node in nodes]
        for field in ("mean", "max", "ratio"):
            values = [getattr(uptake, field, None) for uptake in uptakes]
            columns[f"{tracer} {field}"] = [np.nan if value is None else value for value in values]
    units = {"volume": "mL", "mean HU": "HU", **dict.fromkeys(CENTROID_COLUMNS + SLICE_COLUMNS, "mm")}
    return _add_table(scene, "Regions", columns, units)


def add_edge_table(scene: slicer.vtkMRMLScene, prediction: Prediction) -> slicer.vtkMRMLTableNode:
    edges = prediction.edges
    columns = {
        "source": [edge.source for edge in edges],
        "target": [edge.target for edge in edges],
        "similarity": [edge.similarity for edge in edges],
    }
    return _add_table(scene, "Similarities", columns)


def add_probability_table(scene: slicer.vtkMRMLScene, prediction: Prediction) -> slicer.vtkMRMLTableNode:
    """A row a grade. Its region attentions, background attention and bias add up to its logit."""
    columns = {
        "grade": list(prediction.classes),
        "probability": list(prediction.probabilities),
        "logit": list(prediction.logits),
        "background attention": list(prediction.background_attention),
        "bias": list(prediction.bias),
    }
    return _add_table(scene, "Probabilities", columns)


def add_prediction_text(scene: slicer.vtkMRMLScene, prediction: PredictionSummary) -> slicer.vtkMRMLTextNode:
    """What `prediction.json` holds."""
    text = scene.AddNewNodeByClass("vtkMRMLTextNode", "REACT-KD prediction")
    text.SetEncoding(vtk.VTK_ENCODING_UTF_8)
    text.SetText(prediction.to_json())
    return text


def read_regions(table: slicer.vtkMRMLTableNode, classes: Sequence[str]) -> tuple[Region, ...]:
    columns = read_columns(table)
    return tuple(
        Region(
            id=columns["id"][row],
            name=columns["name"][row],
            volume_ml=columns["volume"][row],
            centroid=tuple(columns[name][row] for name in CENTROID_COLUMNS),
            slice_point=tuple(columns[name][row] for name in SLICE_COLUMNS),
            attention=tuple(columns[attention_column(name)][row] for name in classes),
        )
        for row in range(table.GetNumberOfRows())
    )


def read_edges(table: slicer.vtkMRMLTableNode) -> tuple[Edge, ...]:
    columns = read_columns(table)
    return tuple(map(Edge, columns["source"], columns["target"], columns["similarity"]))


def read_columns(table: slicer.vtkMRMLTableNode) -> dict[str, list]:
    """Values by column name: str or float."""
    arrays = [table.GetTable().GetColumn(index) for index in range(table.GetNumberOfColumns())]
    return {array.GetName(): [array.GetValue(row) for row in range(array.GetNumberOfTuples())] for array in arrays}


def _add_table(
    scene: slicer.vtkMRMLScene, name: str, columns: Mapping[str, Sequence], units: Mapping[str, str] | None = None
) -> slicer.vtkMRMLTableNode:
    """Text or float columns of one length."""
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    table.SetUseColumnTitleAsColumnHeader(True)
    for title, values in columns.items():
        is_text = bool(values) and isinstance(values[0], str)
        array = vtk.vtkStringArray() if is_text else vtk.vtkDoubleArray()
        array.SetName(title)
        for value in values:
            array.InsertNextValue(value if is_text else float(f"{value:.{DIGITS}g}"))
        table.AddColumn(array)
    for title, unit in (units or {}).items():
        table.SetColumnUnitLabel(title, unit)
    table.SetLocked(True)
    return table
