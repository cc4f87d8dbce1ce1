"""The configuration files that make a model folder a MONAI bundle."""

import json
from importlib.metadata import version
from pathlib import Path

from .. import __version__
from .model_card import ModelCard


def write_bundle_configs(folder: Path, card: ModelCard) -> None:
    """`metadata.json` and `inference.json`, as the MONAI bundle specification asks.

    `python -m monai.bundle run run --config_file configs/inference.json --ct CT --liver LIVER --out DIR` predicts.
    """
    folder.mkdir()
    for name, content in (("metadata", _metadata(card)), ("inference", _inference(card))):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _metadata(card: ModelCard) -> dict:
    image = {
        "type": "image",
        "format": "magnitude",
        "num_channels": 3,
        "spatial_shape": list(card.preprocessing.grid),
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": False,
        "channel_def": {"0": "full", "1": "masked", "2": "lesion"},
    }
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json",
        "version": card.version,
        "changelog": {card.version: "exported"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch"),
        "numpy_version": version("numpy"),
        "required_packages_version": {"reactkd": __version__, "SimpleITK": version("simpleitk")},
        "name": card.name,
        "task": "Grading of hepatocellular carcinoma from CT and PET",
        "description": str(card.training.get("data", "")),
        "authors": "REACT-KD for 3D Slicer",
        "copyright": "Apache-2.0",
        "intended_use": card.intended_use,
        "network_data_format": {
            "inputs": dict.fromkeys(("ct", *card.tracers), image),
            "outputs": {
                "pred": {
                    "type": "probabilities",
                    "format": "classes",
                    "num_channels": len(card.classes),
                    "spatial_shape": [1],
                    "dtype": "float32",
                    "value_range": [0, 1],
                    "is_patch_data": False,
                    "channel_def": {str(i): name for i, name in enumerate(card.classes)},
                }
            },
        },
    }


def _inference(card: ModelCard) -> dict:
    return {
        "imports": [
            "$from REACTKDLib.imaging.case import Case",
            "$from REACTKDLib.inference.predictor import Predictor",
            "$from REACTKDLib.inference.prediction import write_prediction",
        ],
        "bundle_root": ".",
        "device": "auto",
        "ct": None,
        "liver": None,
        "tumor": None,
        "segmentation": None,
        "pet_fdg": None,
        "pet_act": None,
        "out": "prediction",
        "network_def": {
            "_target_": "REACTKDLib.networks.architecture.build_network",
            "architecture": {"_target_": "REACTKDLib.networks.architecture.Architecture", **card.architecture},
        },
        "predictor": "$Predictor.load(@bundle_root, device=@device)",
        "case": "$Case.from_files(ct=@ct, liver=@liver, tumor=@tumor, segmentation=@segmentation, "
        "pet_fdg=@pet_fdg, pet_act=@pet_act)",
        "run": ["$write_prediction(@predictor.predict(@case), @out)"],
    }
