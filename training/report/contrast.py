"""Which network to show beside another, and in what the two differ."""

from dataclasses import asdict, dataclass, replace

from ..engine.settings import StudentSettings
from ..experiments.config import Experiment
from .tables import STUDENT

GRAPHS = "region graphs"
GRAPH_OPTIONS = ("rgd", "node", "edge", "gw")
"""Of REACT-KD, which without them is KD."""
COMPARABLE = ("react_kd", "kd", "alone")
"""Methods that have REACT-KD's region graphs, or none at all."""


@dataclass(frozen=True)
class Contrast:
    """job: such as `student-kd`. differs: all in which it differs from the reference, in words."""

    job: str
    differs: str


def contrast(experiment: Experiment, reference: str) -> Contrast | None:
    """The student that differs from the reference in having region graphs or not, and in as little else as there is.

    None where the experiment has no such student. Of a teacher, the first student without them, and nothing is said of
    differences.
    """
    students = {STUDENT + name: of for name, of in experiment.students.items() if of.method in COMPARABLE}
    own = experiment.students.get(reference.removeprefix(STUDENT))
    with_graphs = own is None or own.method not in COMPARABLE or has_graphs(own)
    others = [job for job, of in students.items() if job != reference and has_graphs(of) != with_graphs]
    if not others:
        return None
    if own is None:
        return Contrast(others[0], "")
    found = {job: _differences(own, students[job]) for job in others}
    nearest = min(found, key=lambda job: len(found[job]))
    return Contrast(nearest, ", ".join(found[nearest]))


def has_graphs(settings: StudentSettings) -> bool:
    """Whether REACT-KD's region graphs are distilled to it."""
    return settings.method == "react_kd" and bool(settings.options.get("rgd", 1))


def _differences(one: StudentSettings, other: StudentSettings) -> list[str]:
    """Region graphs first, then settings by name with both values, where they are short."""
    first, second = asdict(_without_graphs(one)), asdict(_without_graphs(other))
    names = [name for name in first if first[name] != second[name]]
    settings = [
        name if isinstance(first[name], dict) else f"{name} ({first[name]}, {second[name]})".lower() for name in names
    ]
    return [*([GRAPHS] if has_graphs(one) != has_graphs(other) else []), *settings]


def _without_graphs(settings: StudentSettings) -> StudentSettings:
    if settings.method != "react_kd":
        return settings
    options = {name: value for name, value in settings.options.items() if name not in GRAPH_OPTIONS}
    return replace(settings, method="kd", options=options)
