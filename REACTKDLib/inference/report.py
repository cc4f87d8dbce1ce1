"""A prediction as one HTML page: nothing to load from anywhere, no patient name, no path."""

import base64
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2
import numpy as np

from .drawing import Picture
from .graph_picture import graph_picture
from .prediction import Edge, Node, Prediction
from .slice_pictures import TRACER_NAMES

DASH = "–"
SHOWN_EDGES = 10
"""The strongest; the rest can be unfolded."""
NEARBY_MM = 5.0
"""A smaller offset from the liver's centroid is not worth a word."""
DIRECTIONS = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))
"""Of LPS x, y and z: towards lower and higher values."""
PHANTOM_FINDING = "phantom_model"
"""Says what the banner of a demo model says already."""
RESEARCH_USE = "Research use only"
SHOWN_INPUT = ("size", "spacing_mm", "origin_lps_mm", "direction")
"""What identifies an input file without identifying a patient, besides its hash."""


def write_report(prediction: Prediction, pictures: Iterable[Picture], path: Path | str) -> None:
    """Writes the page: the given pictures, and the region graph drawn from the prediction itself.

    The same prediction and pictures give the same bytes. Raises OSError when `path` cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": _number,
        "signed": _signed,
        "percent": _percent,
        "plain": _plain,
        "uri": _data_uri,
    }
    model = prediction.provenance.get("model", {})
    demo = model.get("trained_on_phantoms") is True
    edges = sorted(prediction.edges, key=lambda edge: edge.similarity, reverse=True)
    page = environment.get_template("report.html.j2").render(
        prediction=prediction,
        pictures=list(pictures),
        graph=graph_picture(prediction),
        model=model,
        demo=demo,
        findings=[finding for finding in prediction.findings if not (demo and finding.code == PHANTOM_FINDING)],
        purpose=_purpose(model.get("intended_use")),
        reasons=_reasons(prediction),
        deletion=_deletion(prediction),
        tracers=list(dict.fromkeys(tracer for node in prediction.nodes for tracer in node.pet)),
        tracer_names=TRACER_NAMES,
        contributions=_contributions(prediction),
        sums=_sums(prediction),
        limit=_largest_contribution(prediction),
        edge_groups=[_named(prediction, edges[:SHOWN_EDGES]), _named(prediction, edges[SHOWN_EDGES:])],
        shown_input=SHOWN_INPUT,
    )
    Path(path).write_text(page, encoding="utf-8")


def _number(value: float | None, digits: int = 2) -> str:
    """A dash where there is no value."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.{digits}f}".replace("-", "−")


def _signed(value: float | None, digits: int = 3) -> str:
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:+.{digits}f}".replace("-", "−")


def _percent(value: float | None) -> str:
    return DASH if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def _plain(value) -> str:
    """Any value of the provenance as text: lists with commas, floats short."""
    if value is None or value == "":
        return DASH
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value if item not in (None, "")) or DASH
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", "−") if math.isfinite(value) else DASH
    return str(value)


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")


def _purpose(intended_use: str | None) -> str:
    """The model's own statement of purpose, which often says what ours would."""
    if intended_use and RESEARCH_USE.lower() in intended_use.lower():
        return intended_use
    return f"{RESEARCH_USE}. {intended_use or ''}".strip()


def _contributions(prediction: Prediction) -> list[tuple[str, tuple[float, ...]]]:
    """Everything that adds up to the logits: name and (classes,)."""
    return [
        *((node.name, node.attention) for node in prediction.nodes),
        ("Background", prediction.background_attention),
        ("Bias of the model", prediction.bias),
    ]


def _sums(prediction: Prediction) -> list[float]:
    return [math.fsum(column) for column in zip(*(values for _, values in _contributions(prediction)), strict=True)]


def _largest_contribution(prediction: Prediction) -> float:
    """The length of the longest bar; any length does where all are zero."""
    return max(abs(value) for _, values in _contributions(prediction) for value in values) or 1.0


def _named(prediction: Prediction, edges: Sequence[Edge]) -> list[tuple[str, str, float]]:
    return [(prediction.node(e.source).name, prediction.node(e.target).name, e.similarity) for e in edges]


def _reasons(prediction: Prediction) -> str:
    """In words, what the numbers of the predicted class say."""
    grade, top = prediction.grade, prediction.most_attended
    share = top.attention[grade]
    logit = f"its logit of {_signed(prediction.logits[grade], 2)}"
    if not prediction.lesions:
        return f"No lesion was given. The liver adds {_signed(share, 2)} to {logit}."
    where = _whereabouts(prediction, top)
    if share <= 0:
        return (
            f"No lesion speaks for this grade; {top.name} ({where}) speaks least against it, "
            f"with {_signed(share, 2)} in {logit}."
        )
    rest = math.fsum(node.attention[grade] for node in prediction.nodes if node != top)
    return (
        f"{top.name} ({where}) speaks most for this grade: it adds {_signed(share, 2)} to {logit}; "
        f"all other regions together add {_signed(rest, 2)}."
    )


def _whereabouts(prediction: Prediction, node: Node) -> str:
    """Volume, and how the lesion lies to the liver: what can be computed, no segment or lobe."""
    volume = f"{_number(node.volume_ml, 1)} mL"
    livers = [other for other in prediction.nodes if other not in prediction.lesions]
    if not livers:
        return volume
    offset = np.subtract(node.centroid_lps_mm, livers[0].centroid_lps_mm)
    sides = zip(offset, DIRECTIONS, strict=True)
    steps = [f"{abs(mm):.0f} mm {names[int(mm > 0)]}" for mm, names in sides if abs(mm) >= NEARBY_MM]
    return f"{volume}, {', '.join(steps)} of the liver's centroid" if steps else f"{volume}, at the liver's centroid"


def _deletion(prediction: Prediction) -> str:
    check = prediction.deletion
    if check is None:
        return "The deletion check was not run."
    before, after = (_percent(p[prediction.grade]) for p in (prediction.probabilities, check.probabilities))
    node = prediction.node(check.node)
    agrees = (check.change < 0) == (node.attention[prediction.grade] > 0)
    verdict = "in line with its attention" if agrees else "against its attention, which should then not be relied on"
    return (
        f"With {node.name} replaced by liver-like tissue, the probability of {prediction.grade_name} goes "
        f"from {before} to {after} ({_signed(100 * check.change, 1)} percentage points), {verdict}."
    )
