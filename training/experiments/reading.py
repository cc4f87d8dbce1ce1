"""An experiment from YAML, with changes, and back."""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

from .config import Experiment, External
from .errors import ExperimentError
from .other_settings import with_settings_of
from .typed import Place, mapping, settings_from

SHIPPED = Path(__file__).parent
NETWORKS = ("teachers", "students")
EVERY = "*"
"""Stands for the name of every teacher, or of every student."""
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
    config: str,
    changes: Sequence[str] = (),
    cohort: Path | None = None,
    external: Path | None = None,
    *,
    settings: str | None = None,
    without: Sequence[str] = (),
) -> Experiment:
    """The experiment of a shipped name or a file.

    settings: another experiment, whose `with_settings_of` replace its own. changes, after that:
    `students.react_kd.optimisation.epochs=3`, each a value in YAML; `students.*.width=64` for all students. without:
    students to leave out. cohort, external: manifests instead of what the file says. A relative manifest in the file is
    relative to it. Raises ExperimentError: missing_config, bad_config.
    """
    path = config_path(str(config))
    place = Place(path.name)
    tree = _tree(path)
    if settings is not None:
        other = config_path(str(settings))
        like = settings_from(_tree(other), Experiment(), Place(other.name))
        tree = to_tree(with_settings_of(settings_from(tree, Experiment(), place), like))
    for change in changes:
        _apply(tree, change)
    for name in without:
        _leave_out(tree, "students", name, f"--without {name}")
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


def _tree(path: Path) -> dict[str, Any]:
    """Of an experiment, with those of the default networks where it names none, so that each can be changed."""
    place = Place(path.name)
    tree = _parsed(_text(path), place)
    default = {kind: {name: {} for name in getattr(Experiment(), kind)} for kind in NETWORKS}
    # An anchor's settings are one object wherever an alias stands: a change to one network would be one to all.
    return default | _plain(mapping({} if tree is None else tree, place))


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
    value = _parsed(text, Place(f"--set {change}"))
    if value is None and len(keys) == 2 and keys[0] in NETWORKS:
        _leave_out(tree, *keys, f"--set {change}")
    elif keys[0] in NETWORKS and keys[1:2] == [EVERY]:
        for name, own in _named(tree, keys[0]).items():
            if own is not None:
                _put(tree, [keys[0], name, *keys[2:]], _plain(value), change)
    else:
        if keys[0] in NETWORKS and len(keys) > 2:
            _check_named(tree, *keys[:2], f"--set {change}")
        _put(tree, keys, value, change)


def _named(tree: dict[str, Any], kind: str) -> dict[str, Any]:
    """A copy; of what is no mapping, and will be refused, none."""
    return dict(tree[kind]) if isinstance(tree[kind], dict) else {}


def _put(tree: dict[str, Any], keys: Sequence[str], value: Any, change: str) -> None:
    for name in keys[:-1]:
        if tree.get(name) is None:
            tree[name] = {}
        tree = tree[name]
        if not isinstance(tree, dict):
            raise ExperimentError(
                "bad_config", f"--set {change}: {name} has no settings below it.", "It is a value of its own; set that."
            )
    tree[keys[-1]] = value


def _check_named(tree: dict[str, Any], kind: str, name: str, change: str) -> None:
    """One of the teachers or students: another would be trained beside them, or all, unnoticed."""
    networks = _named(tree, kind)
    if name not in networks:
        near = get_close_matches(name, networks, 1)
        raise ExperimentError(
            "bad_config",
            f"{change}: there is no {name} among the {kind}.",
            f"Did you mean {near[0]}?" if near else f"There are: {', '.join(networks) or 'none'}.",
        )


def _leave_out(tree: dict[str, Any], kind: str, name: str, change: str) -> None:
    _check_named(tree, kind, name, change)
    tree[kind][name] = None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
