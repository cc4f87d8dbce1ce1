"""Numbers and sentences about a result: what was computed, in words, and nothing more."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from .prediction import Node, PredictionSummary

DASH, SPACE = "–", "\N{NO-BREAK SPACE}"
INPUT_NAMES = {"ct": "CT", "fdg": "FDG PET", "act": "acetate PET"}
NO_LESION = "No lesion was given: there is no tumour to grade."
NEARBY_MM = 5.0
"""A smaller offset from the liver's centroid is not worth a word."""
DIRECTIONS = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))
"""Of LPS x, y and z: towards lower and higher values."""


def abstention(prediction: PredictionSummary) -> str:
    """Why this is to be read as no grade; "" where it is one."""
    if not prediction.abstain:
        return ""
    if not prediction.lesions:
        return NO_LESION
    highest = f"{percent(prediction.probabilities[prediction.grade])} for {prediction.grade_name}"
    return f"The highest probability, {highest}, is below the model's threshold: read this as no grade."


def reasons(prediction: PredictionSummary) -> str:
    """Why this grade: what lesions, the liver, background and bias add to its logit."""
    grade, top = prediction.grade, prediction.most_attended
    share = top.attention[grade]
    logit = f"the grade's logit of {signed(prediction.logits[grade], 2)}"
    rest = f"background and bias {signed(prediction.background_attention[grade] + prediction.bias[grade], 2)}"
    if not prediction.lesions:
        return f"{NO_LESION} The liver adds {signed(share, 2)} to {logit}, {rest}."

    alone = len(prediction.lesions) == 1
    if not alone:
        others = math.fsum(node.attention[grade] for node in prediction.lesions if node != top)
        rest = f"the other lesions {signed(others, 2)}, {rest}"
    livers = [node.attention[grade] for node in prediction.nodes if node not in prediction.lesions]
    if livers:
        rest = f"the liver outside {'it' if alone else 'the lesions'} {signed(math.fsum(livers), 2)}, {rest}"
    verdict = ""
    if abs(math.fsum(livers)) > abs(share):
        verdict = f" The grade rests more on the liver than on {'the' if alone else 'any'} lesion."
    return f"{_of_lesion(prediction, top, share, alone)} {logit}{_by_little(share)}; {rest}.{verdict}"


def _of_lesion(prediction: PredictionSummary, top: Node, share: float, alone: bool) -> str:
    """What the lesion that matters most does to the logit, which is named next."""
    lesion = f"{top.name} ({_whereabouts(prediction, top)})"
    if _rounds_to_zero(share, 2):
        if alone:
            return f"{lesion} hardly matters for this grade: it changes"
        return f"No lesion matters much for this grade. {lesion} matters most, yet changes"
    side = "for" if share > 0 else "against"
    if alone:
        return f"{lesion} speaks {side} this grade: it adds {signed(share, 2)} to"
    return f"Of the lesions, {lesion} speaks most {side} this grade: it adds {signed(share, 2)} to"


def _by_little(share: float) -> str:
    return " by less than 0.01" if _rounds_to_zero(share, 2) else ""


def performance(model: Mapping) -> str:
    """How good the model was with what it read here; "" where that was not measured. model: of the provenance."""
    measured = model.get("measured") or {}
    said = [
        f"{title} {number(measured[name])}{_interval(measured.get(f'{name}_interval'))}"
        for name, title in (("macro_auc", "macro-AUC"), ("accuracy", "accuracy"))
        if name in measured
    ]
    if not said:
        return ""
    read = " and ".join(INPUT_NAMES.get(name, name) for name in model["read"])
    return f"Reading {read} it reached {' and '.join(said)}, on {measured['data']}."


def _interval(limits: Sequence[float] | None) -> str:
    return f" [{number(limits[0])}, {number(limits[1])}]" if limits else ""


def deletion_check(prediction: PredictionSummary) -> str:
    """How the probability answers when the most attended lesion is taken away."""
    check = prediction.deletion
    if check is None:
        return "The deletion check was not run." if prediction.lesions else "There is no lesion to delete."
    before, after = (percent(p[prediction.grade]) for p in (prediction.probabilities, check.probabilities))
    node = prediction.node(check.node)
    share = node.attention[prediction.grade]
    start = f"With {node.name} replaced by liver-like tissue, the probability of {prediction.grade_name}"
    points = 100 * check.change
    if _rounds_to_zero(points, 1):
        agreement = "as" if _rounds_to_zero(share, 2) else "although"
        attention = f"{agreement} its attention is {signed(share, 2)}"
        return f"{start} stays at {before}: this lesion hardly matters for it, {attention}."
    agrees = (check.change < 0) == (share > 0)
    alone = signed(100 * (_without(prediction, node) - prediction.probabilities[prediction.grade]), 1)
    verdict = (
        f"in the direction of its attention, which alone would change it by {alone}"
        if agrees
        else "against its attention, which should then not be relied on"
    )
    return f"{start} goes from {before} to {after} ({signed(points, 1)} percentage points), {verdict}."


def _without(prediction: PredictionSummary, node: Node) -> float:
    """The grade's probability, were the node's attention all that is taken away with it."""
    logits = np.subtract(prediction.logits, node.attention)
    odds = np.exp((logits - logits[prediction.grade]) / prediction.temperature)
    return float(1 / odds.sum())


def _whereabouts(prediction: PredictionSummary, node: Node) -> str:
    """Volume, and how the lesion lies to the liver: what can be computed, no segment or lobe."""
    volume = f"{measure(node.volume_ml)}{SPACE}mL"
    livers = [other for other in prediction.nodes if other not in prediction.lesions]
    if not livers:
        return volume
    offset = np.subtract(node.centroid_lps_mm, livers[0].centroid_lps_mm)
    sides = zip(offset, DIRECTIONS, strict=True)
    steps = [f"{abs(mm):.0f}{SPACE}mm {names[int(mm > 0)]}" for mm, names in sides if abs(mm) >= NEARBY_MM]
    return f"{volume}, {', '.join(steps)} of the liver's centroid" if steps else f"{volume}, at the liver's centroid"


def _rounds_to_zero(value: float, digits: int) -> bool:
    return round(value, digits) == 0


def number(value: float | None, digits: int = 2) -> str:
    """A dash where there is no value."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.{digits}f}".replace("-", "−")


def measure(value: float | None) -> str:
    """A volume or an uptake, which can be below one or above ten thousand: no more than two decimals."""
    size = abs(value or 0.0)
    return number(value, 2 if size < 100 else 1 if size < 1000 else 0)


def signed(value: float | None, digits: int = 3) -> str:
    """What rounds to zero has no sign."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def percent(value: float | None) -> str:
    return DASH if value is None or not math.isfinite(value) else f"{100 * value:.1f}{SPACE}%"


def plain(value) -> str:
    """Any value of the provenance as text: lists with commas, floats short."""
    if value is None or value == "":
        return DASH
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value if item not in (None, "")) or DASH
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", "−") if math.isfinite(value) else DASH
    return str(value)


def minute(time: str | None) -> str:
    """A time in ISO 8601, without its seconds."""
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M %Z}".strip() if time else DASH
