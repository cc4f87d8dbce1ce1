"""An experiment from YAML, with changes, and back."""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from .config import Experiment, External
from .errors import ExperimentError
from .typed import Place, mapping, settings_from

SHIPPED = Path(__file__).parent
Cohorts = TypeVar("Cohorts", Experiment, External)


class _Loader(yaml.SafeLoader):
    """Reads 1e-4 as a number, as YAML 1.2 does."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+"), [*"-+0123456789"])


def shipped_names() -> tuple[str, ...]:
    """Of the experiments in this folder."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def config_path(config: str) -> Path:
    """Of a shipped experiment by name, or of a file. Raises ExperimentError missing_config."""
    if config in shipped_names():
        return SHIPPED / f"{config}.yaml"
    if not Path(config).is_file():
        raise ExperimentError(
            "missing_config",
            f"There is no experiment {config}.",
            f"Give a YAML file, or one of: {', '.join(shipped_names())}.",
        )
    return Path(config)


def read_experiment(
    config: str, changes: Sequence[str] = (), cohort: Path | None = None, external: Path | None = None
) -> Experiment:
    """The experiment of a shipped name or a file.

    changes: `students.react_kd.optimisation.epochs=3`, each a value in YAML. cohort, external: manifests instead of
    what the file says. A relative manifest in the file is relative to it. Raises ExperimentError: missing_config,
    bad_config.
    """
    path = config_path(str(config))
    place = Place(path.name)
    tree = _parsed(_text(path), place)
    tree = mapping({} if tree is None else tree, place)
    for change in changes:
        _apply(tree, change)
    experiment = settings_from(tree, Experiment(), place)
    experiment = _with_manifest(experiment, cohort, path.parent)
    if external is not None or experiment.external is not None:
        outside = _with_manifest(experiment.external or External(), external, path.parent)
        return replace(experiment, external=outside)
    return experiment


def _with_manifest(settings: Cohorts, given: Path | None, base: Path) -> Cohorts:
    """With an absolute path, the given manifest's or that of its own, which is relative to `base`."""
    if given is not None:
        return replace(settings, cohort=Path(given).resolve(), phantoms=None)
    return settings if settings.cohort is None else replace(settings, cohort=(base / settings.cohort).resolve())


def to_tree(experiment: Experiment) -> dict[str, Any]:
    """All settings as YAML holds them."""
    return _plain(asdict(experiment))


def write_tree(tree: dict[str, Any], path: Path) -> None:
    """Raises OSError."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), encoding="utf-8")
    temporary.replace(path)


def read_tree(path: Path) -> Any:
    """Raises ExperimentError bad_config."""
    return _parsed(_text(path), Place(path.name))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError("bad_config", f"{path.name} cannot be read ({error}).", "Check the file.") from error


def _parsed(text: str, place: Place) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ExperimentError(
            "bad_config", f"{place} is not YAML: {_in_one_line(error)}.", "Correct it there."
        ) from error


def _in_one_line(error: yaml.YAMLError) -> str:
    """What is wrong and where, without the excerpt that YAML shows below."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{error.problem}, line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())


def _apply(tree: dict[str, Any], change: str) -> None:
    key, found, text = change.partition("=")
    keys = key.strip().split(".")
    if not found or not all(keys):
        raise ExperimentError(
            "bad_config", f"--set {change} names no setting and value.", "Write --set seeds=[0,1] or --set folds=5."
        )
    for name in keys[:-1]:
        if tree.get(name) is None:
            tree[name] = {}
        tree = tree[name]
        if not isinstance(tree, dict):
            raise ExperimentError(
                "bad_config", f"--set {change}: {name} has no settings below it.", "It is a value of its own; set that."
            )
    tree[keys[-1]] = _parsed(text, Place(f"--set {change}"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
