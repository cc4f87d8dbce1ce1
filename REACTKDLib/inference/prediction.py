"""The result of one case: what a folder holds, and the only reader and writer of it."""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self, TypeVar

import SimpleITK as sitk

from ..imaging.errors import Finding, ReactKDError
from ..imaging.regions import LIVER_ID
from ..imaging.writing import write_image

SCHEMA = 1
JSON_NAME = "prediction.json"
REGIONS_NAME = "regions.nii.gz"
ATTENTION_NAME = "attention.nii.gz"
REFERENCE_ML = 100.0
"""Attention is shown as logit per this volume: it does not depend on how fine the feature grid is."""
FADE_MM = 3.0
"""Attention fades out over this distance outside the liver, where it is not about a region of the graph."""
UNFINISHED = ".unfinished"
LEFTOVER_AGE_S = 3600.0
"""Nothing is written into a result's folder for longer than minutes."""


class OutputError(ReactKDError):
    """The result cannot be written, or a folder does not hold one."""


@dataclass(frozen=True)
class PetUptake:
    """Uptake of a region in one tracer, in the unit of the PET file. ratio: mean over the liver parenchyma's mean."""

    mean: float
    max: float
    ratio: float | None


@dataclass(frozen=True)
class Node:
    """One region of the graph.

    label: its value in the region map. attention: contribution to each class's logit, (classes,).
    """

    id: str
    name: str
    label: int
    volume_ml: float
    centroid_lps_mm: tuple[float, float, float]
    attention: tuple[float, ...]
    mean_hu: float
    pet: Mapping[str, PetUptake] = field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """Cosine similarity of two regions' features, in [-1, 1]."""

    source: str
    target: str
    similarity: float


@dataclass(frozen=True)
class DeletionCheck:
    """What the prediction becomes when the most attended region is replaced by liver-like tissue (method.md, 7)."""

    node: str
    probabilities: tuple[float, ...]
    change: float
    """Of the predicted grade's probability."""


class Attended(Protocol):
    """A region of the graph, in a prediction or in a scene's table. attention: (classes,)."""

    id: str
    attention: tuple[float, ...]


AnyRegion = TypeVar("AnyRegion", bound=Attended)


def most_attended(regions: Sequence[AnyRegion], grade: int) -> AnyRegion:
    """The lesion with the largest |attention| for a grade, whichever way it speaks; the liver where there is none."""
    return max(_lesions(regions) or regions, key=lambda region: abs(region.attention[grade]))


def _lesions(regions: Sequence[AnyRegion]) -> tuple[AnyRegion, ...]:
    return tuple(region for region in regions if region.id != LIVER_ID)


@dataclass(frozen=True, kw_only=True)
class PredictionSummary:
    """Grade, probabilities and region graph of one case: everything but images, so that its JSON is enough.

    classes: names, well to poorly differentiated. logits, probabilities, bias, background_attention: (classes,).
    For every class: bias + background_attention + sum of the nodes' attention = logit.
    """

    case: str
    classes: tuple[str, ...]
    grade: int
    probabilities: tuple[float, ...]
    logits: tuple[float, ...]
    temperature: float
    entropy: float
    """Of the probabilities, divided by log(classes): 0 certain, 1 uniform."""
    abstain: bool
    """Whether there is no lesion to grade, or the highest probability is below the model's threshold."""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    background_attention: tuple[float, ...]
    bias: tuple[float, ...]
    findings: tuple[Finding, ...]
    provenance: Mapping
    deletion: DeletionCheck | None = None

    @property
    def grade_name(self) -> str:
        return self.classes[self.grade]

    @property
    def lesions(self) -> tuple[Node, ...]:
        return _lesions(self.nodes)

    @property
    def most_attended(self) -> Node:
        """For the predicted grade."""
        return most_attended(self.nodes, self.grade)

    def node(self, node_id: str) -> Node:
        return next(node for node in self.nodes if node.id == node_id)

    def with_findings(self, *findings: Finding) -> Self:
        return replace(self, findings=(*self.findings, *findings))

    def to_dict(self) -> dict:
        """What `prediction.json` holds. Keys are part of schema 1: they may be added, never renamed."""
        return {
            "schema": SCHEMA,
            "case": self.case,
            "classes": list(self.classes),
            "grade": {"index": self.grade, "name": self.grade_name},
            "probabilities": list(self.probabilities),
            "logits": list(self.logits),
            "temperature": self.temperature,
            "uncertainty": {"entropy": self.entropy, "abstain": self.abstain},
            "nodes": [asdict(node) for node in self.nodes],
            "edges": [asdict(edge) for edge in self.edges],
            "background_attention": list(self.background_attention),
            "bias": list(self.bias),
            "deletion_check": asdict(self.deletion) if self.deletion else None,
            "findings": [finding.to_dict() for finding in self.findings],
            "provenance": dict(self.provenance),
        }

    def to_json(self) -> str:
        """Raises ValueError when a number is not finite."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_summary(text: str, place: str) -> PredictionSummary:
    """Of a prediction's JSON. place: where it was found, for messages.

    Raises OutputError: not_a_prediction, newer_prediction.
    """
    try:
        return PredictionSummary(**_fields(json.loads(text), place))
    except _INCOMPLETE as error:
        raise _not_a_prediction(place, error) from error


@dataclass(frozen=True, kw_only=True)
class Prediction(PredictionSummary):
    """The result of one case, images included.

    regions: uint8 label map on the CT's grid; 0 background, else `Node.label`.
    attention: float32 vector image (one component a class) on the feature grid: each voxel's share of the logit,
    so that bias + its sum = logit.
    """

    regions: sitk.Image = field(repr=False, compare=False)
    attention: sitk.Image = field(repr=False, compare=False)

    @classmethod
    def read(cls, folder: Path | str) -> "Prediction":
        """Raises OutputError when the folder holds no prediction, or one of a newer schema."""
        folder = Path(folder)
        try:
            values = json.loads((folder / JSON_NAME).read_text(encoding="utf-8"))
            return cls(
                **_fields(values, str(folder / JSON_NAME)),
                regions=sitk.ReadImage(str(folder / REGIONS_NAME)),
                attention=sitk.ReadImage(str(folder / ATTENTION_NAME)),
            )
        except _INCOMPLETE as error:
            raise _not_a_prediction(str(folder), error) from error

    def write(self, folder: Path) -> None:
        """Writes the JSON and both images into an existing folder; see `new_folder` for an atomic one."""
        (folder / JSON_NAME).write_text(self.to_json(), encoding="utf-8")
        write_image(self.regions, folder / REGIONS_NAME)
        write_image(self.attention, folder / ATTENTION_NAME)


def write_prediction(prediction: Prediction, out: Path | str) -> None:
    """A new folder with the JSON and both images. Raises OutputError."""
    with new_folder(out) as folder:
        prediction.write(folder)


_INCOMPLETE = (OSError, KeyError, TypeError, ValueError, RuntimeError)
"""What reading a prediction raises that is damaged or not one."""


def _fields(values: dict, place: str) -> dict:
    """Of a `PredictionSummary`, from what `to_dict` returned. Raises OutputError newer_prediction."""
    if values["schema"] > SCHEMA:
        raise OutputError(
            "newer_prediction",
            f"{place} was written by a newer version (schema {values['schema']}).",
            "Update REACT-KD to open it.",
        )
    return {
        "case": values["case"],
        "classes": tuple(values["classes"]),
        "grade": values["grade"]["index"],
        "probabilities": tuple(values["probabilities"]),
        "logits": tuple(values["logits"]),
        "temperature": values["temperature"],
        "entropy": values["uncertainty"]["entropy"],
        "abstain": values["uncertainty"]["abstain"],
        "nodes": tuple(_node(node) for node in values["nodes"]),
        "edges": tuple(Edge(**edge) for edge in values["edges"]),
        "background_attention": tuple(values["background_attention"]),
        "bias": tuple(values["bias"]),
        "findings": tuple(Finding(**finding) for finding in values["findings"]),
        "provenance": values["provenance"],
        "deletion": _deletion(values["deletion_check"]),
    }


def _not_a_prediction(place: str, error: Exception) -> OutputError:
    return OutputError(
        "not_a_prediction",
        f"{place} does not hold a complete prediction ({error}).",
        "Grade the case again.",
    )


def _node(values: dict) -> Node:
    pet = {tracer: PetUptake(**uptake) for tracer, uptake in values["pet"].items()}
    triples = {key: tuple(values[key]) for key in ("centroid_lps_mm", "attention")}
    return Node(**{**values, **triples, "pet": pet})


def _deletion(values: dict | None) -> DeletionCheck | None:
    return DeletionCheck(**{**values, "probabilities": tuple(values["probabilities"])}) if values else None


@contextmanager
def new_folder(out: Path | str, replaces: str = JSON_NAME) -> Iterator[Path]:
    """A folder that appears whole or not at all: filled under a temporary name, renamed on success.

    An earlier result at `out`, known by its file `replaces`, is replaced; anything else there is refused, not deleted.
    What processes that were killed left of theirs is removed. Raises OutputError when `out` cannot be written.
    """
    out = Path(out).absolute()
    if out.exists() and not (out / replaces).exists() and not (out.is_dir() and not any(out.iterdir())):
        raise OutputError(
            "output_exists", f"{out} exists and is not an earlier result.", "Choose another output folder."
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}-", suffix=UNFINISHED, dir=out.parent))
    except OSError as error:
        raise cannot_write(out, error) from error
    try:
        yield temporary
        temporary.chmod(0o755)
        if out.exists():
            earlier = temporary.with_name(temporary.name + ".old")
            out.rename(earlier)
            try:
                temporary.rename(out)
            finally:
                if not out.exists():
                    earlier.rename(out)
            shutil.rmtree(earlier, ignore_errors=True)
        else:
            temporary.rename(out)
        _remove_leftovers(out)
    except OSError as error:
        raise cannot_write(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_leftovers(out: Path) -> None:
    """Temporary folders for the same result that no living process can be filling."""
    ours = re.compile(rf"\.{re.escape(out.name)}-\w{{8}}{re.escape(UNFINISHED)}(\.old)?")
    with suppress(OSError):  # the result is in its place already
        for folder in out.parent.iterdir():
            if ours.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > LEFTOVER_AGE_S:
                shutil.rmtree(folder, ignore_errors=True)


def cannot_write(out: Path, error: OSError) -> OutputError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OutputError(
        "output_not_writable",
        f"The result cannot be written to {out}: {reason}.",
        "Choose another folder, or free some space.",
    )
