"""A prediction as one HTML page: nothing to load from anywhere, no patient name, no path."""

import base64
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2

from .drawing import Picture
from .graph_picture import graph_picture
from .prediction import Edge, Prediction
from .slice_pictures import TRACER_NAMES
from .wording import abstention, deletion_check, measure, minute, number, percent, performance, plain, reasons, signed

SHOWN_EDGES = 10
"""The strongest; the rest can be unfolded."""
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
        "number": number,
        "measure": measure,
        "signed": signed,
        "percent": percent,
        "plain": plain,
        "minute": minute,
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
        abstention=abstention(prediction),
        performance=performance(model),
        reasons=reasons(prediction),
        deletion=deletion_check(prediction),
        tracers=list(dict.fromkeys(tracer for node in prediction.nodes for tracer in node.pet)),
        tracer_names=TRACER_NAMES,
        contributions=_contributions(prediction),
        sums=_sums(prediction),
        limit=_largest_contribution(prediction),
        edge_groups=[_named(prediction, edges[:SHOWN_EDGES]), _named(prediction, edges[SHOWN_EDGES:])],
        shown_input=SHOWN_INPUT,
    )
    Path(path).write_text(page, encoding="utf-8")


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
