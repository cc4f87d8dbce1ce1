"""What a model folder says about its model: `model.json`. Reading it needs no torch, so the panel can show it.

A model folder holds `model.safetensors` (weights, never pickle), `model.json` and, so that MONAI opens it as a bundle,
`configs/`. The SHA-256 of each of these is in `model.json`, its own included, and is verified on load.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ..imaging.errors import ReactKDError
from ..imaging.spec import PreprocessingSpec

SCHEMA = 1
JSON_NAME = "model.json"
WEIGHTS_NAME = "model.safetensors"
PICKLE_SUFFIXES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib", ".npy", ".npz", ".ts"}


class ModelError(ReactKDError):
    """The model folder is missing, incomplete, altered or not for this version."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Everything a reader or a program must know to use a model.

    architecture: of the network, `network` (student or teacher) among it. classes: names, in the order of the logits.
    tracers: the PET tracers it was trained on; a student, whose architecture names the same ones, reads the first of
    them that a case has.
    temperature: logits are divided by it before the softmax. abstain_below: highest probability under which the model
    does not commit itself. training: what it was trained on; `phantoms` true where that was synthetic.
    metrics: name -> value, with `data` saying on what. sha256: of this card and, through it, of every file.
    """

    name: str
    version: str
    architecture: Mapping
    preprocessing: PreprocessingSpec
    classes: tuple[str, ...]
    tracers: tuple[str, ...]
    temperature: float
    abstain_below: float
    training: Mapping
    metrics: Mapping
    intended_use: str
    sha256: str = ""

    @property
    def network(self) -> str:
        return self.architecture["network"]

    @property
    def trained_on_phantoms(self) -> bool:
        return bool(self.training["phantoms"])

    def measured(self, inputs: Sequence[str]) -> dict:
        """Macro-AUC and accuracy of the network reading these inputs, such as ("ct", "fdg"), as `metrics` has them.

        Each with its interval, and `data` saying on what; empty where it was not measured so.
        """
        read = "_".join(inputs) if len(inputs) > 1 else f"{inputs[0]}_only"
        found = {}
        for name in ("macro_auc", "accuracy"):
            for kind in ("", "_interval"):
                if (key := f"{name}_{read}{kind}") in self.metrics:
                    found[name + kind] = self.metrics[key]
        return found and found | {"data": self.metrics.get("data", "data not said")}

    @classmethod
    def read(cls, folder: Path | str) -> "ModelCard":
        """Raises ModelError: missing_model, broken_model_json, newer_model, missing_model_key, pickle_refused,
        model_hash, missing_model_file."""
        folder = Path(folder)
        values = _read_json(folder)
        if not isinstance(values.get("schema"), int) or not isinstance(values.get("hashes"), dict | None):
            raise ModelError(
                "broken_model_json",
                f"{folder.name}/{JSON_NAME} has a schema or hashes of the wrong kind.",
                "Copy the model folder again.",
            )
        if values["schema"] > SCHEMA:
            raise ModelError(
                "newer_model",
                f"The model {folder.name} has schema {values['schema']}; this version reads up to {SCHEMA}.",
                "Update REACT-KD to use it.",
            )
        if absent := sorted((_keys() | {"schema", "hashes"}) - set(values)):
            raise ModelError(
                "missing_model_key",
                f"{folder.name}/{JSON_NAME} lacks {', '.join(absent)}.",
                "Export the model again, with this version.",
            )
        _refuse_pickles(folder)
        _verify(folder, values)
        try:
            spec = PreprocessingSpec.from_dict(values["preprocessing"])
        except TypeError as error:
            raise ModelError(
                "missing_model_key",
                f"{folder.name}/{JSON_NAME}: {error}.",
                "Export the model again, with this version.",
            ) from error
        known = {key: values[key] for key in _keys()}
        return cls(
            **{**known, "preprocessing": spec}
            | {key: tuple(values[key]) for key in ("classes", "tracers")}
            | {"sha256": values["hashes"][JSON_NAME]}
        )

    def write(self, folder: Path) -> None:
        """Writes `model.json` last, over the files that already are in the folder, with their hashes."""
        values = {"schema": SCHEMA} | {key: getattr(self, key) for key in sorted(_keys())}
        values |= {"preprocessing": self.preprocessing.to_dict()}
        values |= {"classes": list(self.classes), "tracers": list(self.tracers)}
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in (".safetensors", ".json"))
        values["hashes"] = {
            p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in files
            if p.name != JSON_NAME
        }
        values["hashes"][JSON_NAME] = _own_hash(values)
        (folder / JSON_NAME).write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _keys() -> set[str]:
    return {f.name for f in fields(ModelCard)} - {"sha256"}


def _read_json(folder: Path) -> dict:
    if not (folder / JSON_NAME).is_file():
        raise ModelError(
            "missing_model", f"There is no model in {folder}: it has no {JSON_NAME}.", "Check the model folder's path."
        )
    try:
        values = json.loads((folder / JSON_NAME).read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise ModelError(
            "broken_model_json", f"{folder.name}/{JSON_NAME} is not valid: {error}.", "Copy the model folder again."
        ) from error
    return values


def _refuse_pickles(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICKLE_SUFFIXES:
            raise ModelError(
                "pickle_refused",
                f"The model {folder.name} holds {path.name}: files of this kind can run code when opened.",
                "Use a model folder with safetensors weights only.",
            )


def _verify(folder: Path, values: dict) -> None:
    hashes = values["hashes"]
    for name in (WEIGHTS_NAME, JSON_NAME):
        if name not in hashes:
            raise ModelError("missing_model_key", f"{JSON_NAME} has no hash of {name}.", "Export the model again.")
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file():
            raise ModelError(
                "missing_model_file", f"The model {folder.name} lacks {name}.", "Copy the model folder again."
            )
        found = _own_hash(values) if name == JSON_NAME else hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise ModelError(
                "model_hash",
                f"{folder.name}/{name} is not what was exported: its SHA-256 differs from the one in {JSON_NAME}.",
                "Copy the model folder again; it is damaged or was altered.",
            )


def _own_hash(values: dict) -> str:
    hashes = {name: value for name, value in values["hashes"].items() if name != JSON_NAME}
    text = json.dumps({**values, "hashes": hashes}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
