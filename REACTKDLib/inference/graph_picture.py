"""The region graph over the liver seen from the front."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..imaging.geometry import Geometry
from .depiction import region_limit
from .drawing import BLUE, FOOTER, HEIGHT, INK, ORANGE, WHITE, WIDTH, Pen, Picture, encoded, lesion_number, signed
from .prediction import Edge, Node, Prediction
from .silhouette import silhouette
from .views import CORONAL, plane_through, row_ends

GRAPH_SCALE, SUPERSAMPLING = 2, 2
"""The graph is printed over the whole page, so it has twice the pixels; its circles and lines are drawn finer still."""
MAX_NAMED_NODES = 6
"""A graph with more nodes shows numbers in place of names, and each node's two strongest edges without values."""


def graph_picture(prediction: Prediction) -> Picture:
    """The region graph over the liver seen from the front. Needs the label map only, no CT."""
    drawing = _Graph(prediction)
    drawing.draw_edges()
    drawing.draw_nodes()
    drawing.draw_legend()
    caption = (
        f"Region graph, seen from the front: nodes at the regions' centroids, sized and coloured by their attention "
        f"for {prediction.grade_name}"
    )
    if prediction.edges:
        caption += "; each region's two strongest edges" if drawing.crowded else "; edges by similarity of features"
    return Picture("graph", f"{caption}.", drawing.png())


class _Graph:
    """The region graph in the coronal view, R on the left: silhouette first, then edges, nodes, legend."""

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.crowded = len(prediction.nodes) > MAX_NAMED_NODES
        self.limit = region_limit(prediction)
        points = row_ends(prediction.regions)
        self.plane = plane_through(CORONAL, points, points.mean(axis=0))
        scale = GRAPH_SCALE * SUPERSAMPLING
        canvas = Image.new("RGB", (WIDTH * scale, (HEIGHT + FOOTER) * scale), WHITE)
        liver = silhouette(prediction, self.plane, points)
        canvas.paste(liver.resize((WIDTH * scale, HEIGHT * scale), Image.Resampling.BICUBIC))
        self.pen = Pen(canvas, scale)
        self.taken = [self._circle_box(node) for node in prediction.nodes]
        self.lines: list[tuple[float, float, float, float]] = []

    def png(self) -> bytes:
        return encoded(self.pen.canvas.reduce(SUPERSAMPLING))

    def draw_edges(self) -> None:
        for edge in self._shown_edges():
            ends = [self._place(self.prediction.node(end)) for end in (edge.source, edge.target)]
            self._stroke(ends, edge.similarity)
            along = np.linspace(*np.array(ends), 24)
            self.lines += [(x - 3, y - 3, x + 3, y + 3) for x, y in along.tolist()]

    def draw_nodes(self) -> None:
        """The largest first, so that a small one is never hidden."""
        for node in sorted(self.prediction.nodes, key=self._radius, reverse=True):
            self.pen.circle(*self._place(node), self._radius(node), self._colour(node), WHITE, 2)
            self.pen.circle(*self._place(node), self._radius(node) + 1, None, INK, 1)
        for node in sorted(self.prediction.nodes, key=self._radius, reverse=True):
            self._name(node)
        if not self.crowded:
            for edge in self.prediction.edges:
                self._write_similarity(edge)

    def draw_legend(self) -> None:
        self.pen.letters(CORONAL.letters, INK, WHITE)
        self.pen.scale_bar(self.plane.spacing[0], INK)
        if self.prediction.edges:
            for column, similarity in enumerate((0.2, 0.6, 1.0)):
                x = 250 + 56 * column
                self._stroke([(x, HEIGHT + 31), (x + 40, HEIGHT + 31)], similarity)
                self.pen.text(x + 20, HEIGHT + 39, f"{similarity:g}", 15, "ma", INK)
            self.pen.text(326, HEIGHT + 21, "similarity", 15, "md", INK)
        bar = _on_paper(np.linspace(-1.0, 1.0, 256))
        self.pen.colour_bar(
            WIDTH - 290, 270, bar, (signed(-self.limit), "0", signed(self.limit)), "attention, logit", INK
        )

    def _stroke(self, points: Sequence[tuple[float, float]], similarity: float) -> None:
        strength = max(similarity, 0.0)
        widest, darkest = (2.5, 140) if self.crowded else (5.0, 200)
        self.pen.line(points, (*INK, round(40 + (darkest - 40) * strength)), 1 + (widest - 1) * strength)

    def _shown_edges(self) -> list[Edge]:
        """Weakest first, so that the strongest lie on top."""
        edges = sorted(self.prediction.edges, key=lambda edge: edge.similarity)
        if not self.crowded:
            return edges
        strongest = {
            node.id: [e for e in edges if node.id in (e.source, e.target)][-2:] for node in self.prediction.nodes
        }
        return [edge for edge in edges if edge in strongest[edge.source] or edge in strongest[edge.target]]

    def _place(self, node: Node) -> tuple[float, float]:
        x, y, _ = Geometry.to_index(self.plane, np.asarray(node.centroid_lps_mm))
        return float(x), float(y)

    def _relative(self, node: Node) -> float:
        return node.attention[self.prediction.grade] / self.limit if self.limit else 0.0

    def _radius(self, node: Node) -> float:
        """Area by attention."""
        return 5.0 + (9.0 if self.crowded else 19.0) * abs(self._relative(node)) ** 0.5

    def _colour(self, node: Node) -> tuple[int, int, int]:
        return tuple(map(int, _on_paper(np.array(self._relative(node))).round()))

    def _circle_box(self, node: Node) -> tuple[float, float, float, float]:
        (x, y), radius = self._place(node), self._radius(node)
        return (x - radius, y - radius, x + radius, y + radius)

    def _name(self, node: Node) -> None:
        text = lesion_number(node.name) if self.crowded and node in self.prediction.lesions else node.name
        size = 15 if self.crowded else 18
        x, y = self._place(node)
        near = self._radius(node) + 5
        avoid = self.taken if self.crowded else self.taken + self.lines
        sides = [(near, 0, "lm"), (-near, 0, "rm"), (0, near, "ma"), (0, -near, "md")]
        sides += [(near, near, "la"), (-near, near, "ra"), (near, -near, "ld"), (-near, -near, "rd")]
        self._write_where_free(
            [(x + dx * k, y + dy * k, a) for k in (1, 1.6, 2.4) for dx, dy, a in sides], text, size, avoid
        )

    def _write_similarity(self, edge: Edge) -> None:
        (x0, y0), (x1, y1) = (self._place(self.prediction.node(end)) for end in (edge.source, edge.target))
        normal = np.array([y0 - y1, x1 - x0]) / max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
        places = []
        for offset in (0, 18, -18, 36, -36, 54, -54):
            for along in (0.5, 0.4, 0.6, 0.3, 0.7):
                dx, dy = offset * normal
                places.append((x0 + along * (x1 - x0) + dx, y0 + along * (y1 - y0) + dy, "mm"))
        self._write_where_free(places, f"{edge.similarity:.2f}", 15, self.taken)

    def _write_where_free(self, places: Sequence[tuple[float, float, str]], text: str, size: int, avoid: list) -> None:
        """At the first of the places that covers least of the boxes to avoid."""
        boxes = [self.pen.text_box(x, y, text, size, anchor) for x, y, anchor in places]
        best = min(range(len(boxes)), key=lambda i: sum(_overlap(boxes[i], other) for other in avoid))
        self.taken.append(boxes[best])
        x, y, anchor = places[best]
        self.pen.text(x, y, text, size, anchor, INK, WHITE)


def _on_paper(values: np.ndarray) -> np.ndarray:
    """values: in [-1, 1], any shape. Returns opaque colours (..., 3), 0 to 255, pale at zero."""
    colours = np.where((values < 0)[..., None], np.float32(BLUE), np.float32(ORANGE))
    return 245.0 + (colours - 245.0) * np.abs(values)[..., None]


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Shared area of two boxes (left, top, right, bottom)."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
