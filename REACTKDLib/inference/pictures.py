"""Pictures of a prediction for the report: slices through the most attended region, and the region graph.

Every picture is sampled through world coordinates along the patient's axes, so it looks the same however the CT is
stored. Pictures follow the radiological convention: the patient's right is on the picture's left.
Lengths in a drawing are picture pixels; a pen may draw on a finer canvas, which is reduced afterwards.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

from ..imaging.geometry import Geometry
from .prediction import Edge, Node, Prediction

WIDTH, HEIGHT, FOOTER = 720, 500, 64
"""Pixels: the anatomy, and below it the strip for scale and legend."""
GRAPH_SCALE, SUPERSAMPLING = 2, 2
"""The graph is printed over the whole page, so it has twice the pixels; its circles and lines are drawn finer still."""
MARGIN_MM = 20.0
"""Around the liver, so that ribs and neighbouring organs give the orientation."""
WINDOW, LEVEL = 400.0, 40.0
"""HU, the usual abdominal window."""
REFERENCE_ML = 100.0
"""Attention is shown as logit per this volume: it does not depend on how fine the feature grid is."""
FADE_MM = 3.0
"""Attention fades out over this distance outside the liver, where it is not about a region of the graph."""
OUTLINE_SMOOTHING_MM = 1.0
"""Takes the voxel steps off an outline, which is at most this far from the voxels' own border."""
MAX_NAMED_NODES = 6
"""A graph with more nodes shows numbers in place of names, and each node's two strongest edges without values."""

BLUE, ORANGE = (42, 120, 214), (235, 118, 12)
"""Against and for a grade; told apart with any colour vision."""
WHITE, BLACK, INK, YELLOW = (255, 255, 255), (0, 0, 0), (40, 44, 52), (255, 232, 64)
PALE_CYAN = (160, 235, 235)
TOWARDS_LIGHT = (-0.75, -0.5, -0.43)
"""Unit vector over inward, down and right of the silhouette: the light is above, in front, and to the left."""
LIVER_TINT, LESION_TINT = (214, 200, 190), (150, 118, 104)

TRACER_NAMES = {"fdg": "18F-FDG", "act": "11C-acetate"}


@dataclass(frozen=True)
class Picture:
    """A PNG and what it shows. name: short and unique in a report."""

    name: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class View:
    """Where the picture's right and its bottom are in the patient (LPS), and the letters left, right, top, bottom."""

    name: str
    right: tuple[float, float, float]
    down: tuple[float, float, float]
    letters: str

    @property
    def inward(self) -> np.ndarray:
        """Away from the reader, LPS."""
        return np.cross(self.right, self.down)

    @property
    def axes(self) -> np.ndarray:
        """(3, 3): right, down and inward as columns."""
        return np.column_stack([self.right, self.down, self.inward])

    def position(self, world: Sequence[float]) -> str:
        """Where the slice through an LPS point lies, such as `S 12.0 mm`."""
        axis = int(np.argmax(np.abs(self.inward)))
        return f"{'RAI'[axis] if world[axis] < 0 else 'LPS'[axis]} {abs(world[axis]):.1f} mm"


AXIAL = View("axial", (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), "RLAP")
CORONAL = View("coronal", (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), "RLSI")
SAGITTAL = View("sagittal", (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), "APSI")


def slice_pictures(prediction: Prediction, ct: sitk.Image, pet: Mapping[str, sitk.Image]) -> list[Picture]:
    """Attention on axial, coronal and sagittal CT through `prediction.most_attended`, then each tracer on axial CT.

    ct: HU. pet: one image a tracer, on any grid. All three planes meet in the region's voxel nearest its centroid, so
    each of them contains the region even where the centroid does not.
    """
    target = prediction.most_attended
    liver = _row_ends(prediction.regions)
    inside = _voxels(prediction.regions, target.label)
    anchor = inside[np.argmin(((inside - target.centroid_lps_mm) ** 2).sum(axis=1))]

    pictures = []
    attention = _attention_density(prediction)
    limit = _largest_in_liver(attention, prediction.regions)
    for view in (AXIAL, CORONAL, SAGITTAL):
        section = _Slice(prediction, ct, view, _plane(view, liver, anchor))
        section.lay_attention(attention, limit)
        caption = (
            f"{view.name.capitalize()} CT through {target.name} ({view.position(anchor)}): "
            f"orange speaks for {prediction.grade_name}, blue against it."
        )
        pictures.append(Picture(view.name, caption, section.png()))

    for tracer, image in pet.items():
        name = TRACER_NAMES.get(tracer, tracer)
        uptake = max((node.pet[tracer].max for node in prediction.nodes if tracer in node.pet), default=0.0)
        section = _Slice(prediction, ct, AXIAL, _plane(AXIAL, liver, anchor))
        section.lay_pet(image, uptake, name)
        caption = f"{name} PET on axial CT through {target.name} ({AXIAL.position(anchor)})."
        pictures.append(Picture(f"pet_{tracer}", caption, section.png()))
    return pictures


def graph_picture(prediction: Prediction) -> Picture:
    """The region graph over the liver seen from the front. Needs the label map only, no CT."""
    drawing = _Graph(prediction)
    drawing.draw_edges()
    drawing.draw_nodes()
    drawing.draw_legend()
    edges = "each region's two strongest edges" if drawing.crowded else "edges by similarity of features"
    caption = (
        f"Region graph, seen from the front: nodes at the regions' centroids, sized and coloured by their attention "
        f"for {prediction.grade_name}; {edges}."
    )
    return Picture("graph", caption, drawing.png())


def _voxels(regions: sitk.Image, label: int) -> np.ndarray:
    """Voxel centres of one region: (voxels, 3) LPS mm."""
    index = np.column_stack(np.nonzero(sitk.GetArrayViewFromImage(regions) == label))
    return Geometry.of(regions).to_world(index[:, ::-1])


def _row_ends(regions: sitk.Image) -> np.ndarray:
    """First and last region voxel of each image row: (points, 3) LPS mm, as wide as all voxels in every direction."""
    rows = sitk.GetArrayViewFromImage(regions) > 0
    z, y = np.nonzero(rows.any(axis=2))
    rows = rows[z, y]
    ends = (rows.argmax(axis=1), rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1))
    return Geometry.of(regions).to_world(np.concatenate([np.column_stack([x, y, z]) for x in ends]))


def _plane(view: View, liver: np.ndarray, anchor: np.ndarray) -> Geometry:
    """The slice's grid of square pixels: the liver and a margin, widened to the picture's shape, through `anchor`."""
    projected = liver @ view.axes
    low, high = projected.min(axis=0) - MARGIN_MM, projected.max(axis=0) + MARGIN_MM
    size = np.array([WIDTH, HEIGHT])
    spacing = float(((high - low)[:2] / size).max())
    corner = np.array([*((low + high)[:2] - spacing * (size - 1)) / 2, view.inward @ anchor])
    return Geometry(
        (*map(int, size), 1), (spacing,) * 3, tuple(map(float, view.axes @ corner)), tuple(view.axes.ravel().tolist())
    )


def _sample(image: sitk.Image, grid: Geometry, interpolator: int, outside: float) -> np.ndarray:
    """The image on the grid, (D, H, W) in the image's own type."""
    return sitk.GetArrayFromImage(
        sitk.Resample(
            image, grid.size, sitk.Transform(), interpolator, grid.origin, grid.spacing, grid.direction, outside
        )
    )


def _attention_density(prediction: Prediction) -> sitk.Image:
    """Attention for the predicted grade in logit per `REFERENCE_ML`, on the feature grid."""
    share = sitk.VectorIndexSelectionCast(prediction.attention, prediction.grade, sitk.sitkFloat32)
    return share * (REFERENCE_ML / Geometry.of(share).voxel_ml)


def _largest_in_liver(attention: sitk.Image, regions: sitk.Image) -> float:
    inside = _sample(regions, Geometry.of(attention), sitk.sitkNearestNeighbor, 0) > 0
    values = np.abs(sitk.GetArrayViewFromImage(attention))
    return float(values.max(where=inside, initial=0.0))


class _Slice:
    """One CT slice, on which one overlay is laid, and then outlines, letters and its legend are drawn."""

    def __init__(self, prediction: Prediction, ct: sitk.Image, view: View, plane: Geometry):
        self.prediction = prediction
        self.view = view
        self.plane = plane
        self.labels = _sample(prediction.regions, plane, sitk.sitkNearestNeighbor, 0)[0]
        self.liver_depth = self._depth(self.labels > 0)
        hu = _sample(ct, plane, sitk.sitkLinear, -1024.0)[0].astype(np.float32)
        grey = np.clip((hu - LEVEL) / WINDOW + 0.5, 0.0, 1.0)
        self.rgb = np.repeat(grey[..., None] * 255.0, 3, axis=-1)
        self.legend: tuple[np.ndarray, tuple[str, ...], str]

    def lay_attention(self, attention: sitk.Image, limit: float) -> None:
        values = _sample(attention, self.plane, sitk.sitkBSpline, 0.0)[0]
        outside_mm = -self.liver_depth * self.plane.spacing[0]
        colours, opacity = _diverging(values / limit if limit else values)
        self._blend(colours, opacity * np.clip(1.0 - outside_mm / FADE_MM, 0.0, 1.0))
        ticks = (_signed(-limit), "0", _signed(limit)) if limit else ("", "0", "")
        title = f"attention, logit per {REFERENCE_ML:.0f} mL"
        self.legend = (_on_grey(*_diverging(np.linspace(-1.0, 1.0, 256))), ticks, title)

    def lay_pet(self, pet: sitk.Image, uptake: float, name: str) -> None:
        values = _sample(pet, self.plane, sitk.sitkLinear, 0.0)[0].astype(np.float32)
        limit = uptake if uptake > 0 else max(float(values.max()), 1e-6)
        self._blend(*_hot(values / limit))
        self.legend = (
            _on_grey(*_hot(np.linspace(0.0, 1.0, 256))),
            ("0", "", f"{limit:.3g}"),
            f"{name}, unit of the file",
        )

    def png(self) -> bytes:
        marks = self._outline()
        canvas = Image.new("RGB", (WIDTH, HEIGHT + FOOTER), BLACK)
        canvas.paste(Image.fromarray(self.rgb.round().astype(np.uint8)))
        pen = _Pen(canvas)
        for x, y, number, anchor in marks:
            pen.text(x, y, number, 19, anchor, WHITE, BLACK)
        pen.letters(self.view.letters, WHITE, BLACK)
        pen.scale_bar(self.plane.spacing[0], WHITE)
        pen.text(236, HEIGHT + 40, f"W {WINDOW:.0f}  L {LEVEL:.0f}", 15, "lm", (190, 190, 190))
        pen.colour_bar(WIDTH - 290, 270, *self.legend, WHITE)
        return _encoded(canvas)

    def _blend(self, colours: np.ndarray, opacity: np.ndarray) -> None:
        """colours: (H, W, 3), 0 to 255. opacity: (H, W)."""
        self.rgb += (colours - self.rgb) * opacity[..., None]

    def _outline(self) -> list[tuple[float, float, str, str]]:
        """Draws the liver and the lesions in this slice. Returns position, number and text anchor of each lesion."""
        self._stroke(self.liver_depth, 1.5, PALE_CYAN, halo=0.0)
        marks = []
        target = self.prediction.most_attended
        lesions = sorted(self.prediction.lesions, key=lambda node: node == target)
        for node in lesions:
            mask = self.labels == node.label
            if mask.any():
                chosen = node == target
                depth = self._depth(mask)
                self._stroke(depth, 3.0 if chosen else 1.9, YELLOW if chosen else WHITE, halo=1.2)
                marks.append(_number_place(mask, depth, _number(node)))
        return marks

    def _depth(self, mask: np.ndarray) -> np.ndarray:
        """Pixels from the mask's smoothed border, positive inside, (H, W)."""
        if not mask.any():
            return np.full(mask.shape, -np.inf, np.float32)
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        depth = sitk.SignedMaurerDistanceMap(image, insideIsPositive=True, squaredDistance=False)
        return sitk.GetArrayFromImage(
            sitk.SmoothingRecursiveGaussian(depth, OUTLINE_SMOOTHING_MM / self.plane.spacing[0])
        )

    def _stroke(self, depth: np.ndarray, width: float, colour: tuple[int, int, int], halo: float) -> None:
        """A line of `width` pixels where the depth is zero."""
        for reach, ink in ((width / 2 + halo, BLACK), (width / 2, colour)):
            self._blend(np.float32(ink), np.clip(reach + 0.5 - np.abs(depth), 0.0, 1.0))


def _number(node: Node) -> str:
    """The last word of a region's name: the number of a lesion."""
    return node.name.rsplit(" ", 1)[-1]


def _number_place(mask: np.ndarray, depth: np.ndarray, number: str) -> tuple[float, float, str, str]:
    """In the middle of a lesion that has room for its number, else beside it: position, number, text anchor."""
    if depth.max() > 22:
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        return float(column), float(row), number, "mm"
    rows, columns = np.nonzero(mask)
    return float(columns.max() + 5), float(rows.min() - 1), number, "ls"


def _signed(value: float) -> str:
    return f"{value:+.2g}"


def _diverging(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """values: in [-1, 1], any shape. Returns colours (..., 3), 0 to 255, and opacity, none near zero."""
    colours = np.where((values < 0)[..., None], np.float32(BLUE), np.float32(ORANGE))
    return colours, 0.6 * np.clip((np.abs(values) - 0.06) / 0.94, 0.0, 1.0) ** 0.8


def _hot(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """values: in [0, 1], any shape. Returns colours from black over red and yellow to white, and opacity."""
    ramp = 3.0 * np.clip(values, 0.0, 1.0)
    colours = np.stack([np.clip(ramp - start, 0.0, 1.0) for start in range(3)], axis=-1) * 255.0
    return colours, 0.8 * np.clip(2.0 * values, 0.0, 1.0)


def _on_grey(colours: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """The colours as they look over soft tissue."""
    return 120.0 + (colours - 120.0) * opacity[..., None]


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=size)


class _Pen:
    """Draws text, scale and legends in picture pixels on a canvas that has `scale` times as many."""

    def __init__(self, canvas: Image.Image, scale: int = 1):
        self.canvas = canvas
        self.scale = scale
        self.draw = ImageDraw.Draw(canvas, "RGBA")

    def text(self, x, y, text, size, anchor, ink, halo=None) -> None:
        """anchor: Pillow's two letters, horizontal (l, m, r) and vertical (a, m, s, d)."""
        position = (x * self.scale, y * self.scale)
        stroke = {"stroke_width": 2 * self.scale, "stroke_fill": halo} if halo else {}
        self.draw.text(position, text, ink, _font(size * self.scale), anchor, **stroke)

    def text_box(self, x, y, text, size, anchor) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the text."""
        box = self.draw.textbbox((x * self.scale, y * self.scale), text, _font(size * self.scale), anchor)
        return tuple(edge / self.scale for edge in box)

    def circle(self, x, y, radius, fill, ink, width) -> None:
        self.draw.circle((x * self.scale, y * self.scale), radius * self.scale, fill, ink, round(width * self.scale))

    def line(self, points: Sequence[tuple[float, float]], ink, width: float) -> None:
        self.draw.line([(x * self.scale, y * self.scale) for x, y in points], ink, max(1, round(width * self.scale)))

    def letters(self, letters: str, ink, halo) -> None:
        places = (
            (10, HEIGHT / 2, "lm"),
            (WIDTH - 10, HEIGHT / 2, "rm"),
            (WIDTH / 2, 8, "ma"),
            (WIDTH / 2, HEIGHT - 8, "md"),
        )
        for letter, (x, y, anchor) in zip(letters, places, strict=True):
            self.text(x, y, letter, 22, anchor, ink, halo)

    def scale_bar(self, mm_per_pixel: float, ink) -> None:
        """The longest round length that takes at most 160 pixels, in cm."""
        length_cm = next((cm for cm in (10, 5, 2, 1) if 10 * cm / mm_per_pixel <= 160), 0.5)
        end, y = 18 + 10 * length_cm / mm_per_pixel, HEIGHT + 40
        self.line([(18, y - 6), (18, y), (end, y), (end, y - 6)], ink, 2)
        self.text((18 + end) / 2, y - 7, f"{length_cm:g} cm", 15, "md", ink)

    def colour_bar(self, x, length, colours: np.ndarray, ticks: Sequence[str], title: str, ink) -> None:
        """colours: (n, 3), 0 to 255, left to right. ticks: texts at the left end, the middle and the right end."""
        y = HEIGHT + 26
        strip = Image.fromarray(colours[None].round().astype(np.uint8)).resize((length * self.scale, 9 * self.scale))
        self.canvas.paste(strip, (x * self.scale, y * self.scale))
        self.text(x + length / 2, y - 5, title, 15, "md", ink)
        for place, tick, anchor in zip((x, x + length / 2, x + length), ticks, ("la", "ma", "ra"), strict=True):
            self.text(place, y + 13, tick, 15, anchor, ink)


class _Graph:
    """The region graph in the coronal view, R on the left: silhouette first, then edges, nodes, legend."""

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.crowded = len(prediction.nodes) > MAX_NAMED_NODES
        self.limit = max(abs(node.attention[prediction.grade]) for node in prediction.nodes)
        points = _row_ends(prediction.regions)
        self.plane = _plane(CORONAL, points, points.mean(axis=0))
        scale = GRAPH_SCALE * SUPERSAMPLING
        canvas = Image.new("RGB", (WIDTH * scale, (HEIGHT + FOOTER) * scale), WHITE)
        canvas.paste(_silhouette(prediction, self.plane, points).resize((WIDTH * scale, HEIGHT * scale)))
        self.pen = _Pen(canvas, scale)
        self.taken = [self._circle_box(node) for node in prediction.nodes]
        self.lines: list[tuple[float, float, float, float]] = []

    def png(self) -> bytes:
        return _encoded(self.pen.canvas.reduce(SUPERSAMPLING))

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
        for column, similarity in enumerate((0.2, 0.6, 1.0)):
            x = 250 + 56 * column
            self._stroke([(x, HEIGHT + 31), (x + 40, HEIGHT + 31)], similarity)
            self.pen.text(x + 20, HEIGHT + 39, f"{similarity:g}", 15, "ma", INK)
        self.pen.text(326, HEIGHT + 21, "similarity", 15, "md", INK)
        bar = _on_paper(np.linspace(-1.0, 1.0, 256))
        self.pen.colour_bar(
            WIDTH - 290, 270, bar, (_signed(-self.limit), "0", _signed(self.limit)), "attention, logit", INK
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
        text = _number(node) if self.crowded and node in self.prediction.lesions else node.name
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


def _silhouette(prediction: Prediction, plane: Geometry, points: np.ndarray) -> Image.Image:
    """The liver from the front, and the lesions in it, shaded by how their surfaces lie to the light."""
    columns, rows = WIDTH // 3, HEIGHT // 3
    spacing = plane.spacing[0] * WIDTH / columns
    depth = points @ CORONAL.inward
    slices = int(np.ceil((np.ptp(depth) + 2 * MARGIN_MM) / spacing))
    origin = plane.to_world(np.array([1.0, 1.0, 0.0]))
    origin += CORONAL.inward * (depth.min() - MARGIN_MM - CORONAL.inward @ origin)
    grid = Geometry((columns, rows, slices), (spacing,) * 3, tuple(origin.tolist()), plane.direction)
    labels = _sample(prediction.regions, grid, sitk.sitkNearestNeighbor, 0)

    rgb = np.full((rows, columns, 3), 255.0, np.float32)
    layers = [(labels > 0, LIVER_TINT, 2.0, 1.0)]
    if prediction.lesions:
        layers.append((np.isin(labels, [node.label for node in prediction.lesions]), LESION_TINT, 1.5, 0.75))
    for mask, tint, smoothing, opacity in layers:
        light, cover = _shaded(mask, smoothing)
        rgb += (np.float32(tint) * light[..., None] - rgb) * (opacity * cover)[..., None]
    return Image.fromarray(rgb.clip(0, 255).round().astype(np.uint8)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def _shaded(mask: np.ndarray, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
    """mask: (D, H, W), D away from the reader. Returns light on the front surface and cover in [0, 1], (H, W)."""
    light, cover = np.zeros((2, *mask.shape[1:]), np.float32)
    box = _padded_box(mask, 4 * int(np.ceil(smoothing)))
    volume = sitk.GetArrayFromImage(
        sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(mask[box].astype(np.float32)), smoothing)
    )
    deepest = volume.max(axis=0)
    front = np.where(deepest > 0.5, (volume > 0.5).argmax(axis=0), volume.argmax(axis=0))
    index = np.stack([front, *np.indices(front.shape)])
    steps = np.eye(3, dtype=int)[:, :, None, None]
    limits = np.array(volume.shape)[:, None, None] - 1
    ahead, behind = (
        np.stack([volume[tuple(np.clip(index + sign * step, 0, limits))] for step in steps]) for sign in (1, -1)
    )
    outward = behind - ahead
    outward /= np.maximum(np.linalg.norm(outward, axis=0), 1e-6)
    light[box[1:]] = 0.62 + 0.5 * np.clip(np.tensordot(TOWARDS_LIGHT, outward, axes=1), 0.0, 1.0)
    cover[box[1:]] = np.clip((deepest - 0.35) / 0.3, 0.0, 1.0)
    return light, cover


def _padded_box(mask: np.ndarray, padding: int) -> tuple[slice, slice, slice]:
    """The bounding box of a mask that is not empty, and what of the padding lies in the array."""
    box = []
    for axis in range(3):
        occupied = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        box.append(slice(max(int(occupied[0]) - padding, 0), int(occupied[-1]) + padding + 1))
    return tuple(box)
