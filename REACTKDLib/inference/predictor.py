"""One loaded model, many cases."""

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from .. import __version__
from ..imaging.case import Case
from ..imaging.errors import Finding
from ..imaging.preprocess import Preprocessed, preprocess
from ..imaging.regions import LIVER_ID, LIVER_LABEL, Region
from ..imaging.spec import TRACERS
from ..networks.attribution import Attribution, attribute
from ..networks.batch import ModalityBatch
from ..networks.cpu import prepare_for_cpu_inference
from ..networks.region_graph import region_graph
from .device import Device, DeviceError, find_device
from .model_folder import Model, load_model
from .prediction import DeletionCheck, Edge, Node, PetUptake, Prediction, most_attended

Progress = Callable[[str, float], None]
"""Called with the stage that begins and the fraction done, 0 to 1. May raise to stop the prediction."""


def silent(stage: str, fraction: float) -> None:
    """A Progress that says nothing."""


class Predictor:
    """Grades cases with one model on one device. Inference draws no random numbers."""

    def __init__(self, model: Model, device: Device):
        self.card = model.card
        self.device = device
        network = model.network.to(device.torch_device)
        self.network = prepare_for_cpu_inference(network) if device.torch_device.type == "cpu" else network

    @classmethod
    def load(cls, folder: Path | str, device: str = "auto") -> "Predictor":
        """Raises ModelError and DeviceError."""
        return cls(load_model(folder), find_device(device))

    def predict(self, case: Case, progress: Progress = silent, deletion_check: bool = True) -> Prediction:
        """Raises DeviceError out_of_memory."""
        clock = _Stopwatch(progress)
        clock.stage("preprocess", 0.3)
        data = preprocess(case, self.card.preprocessing)
        channels, findings = self._modalities(data)
        clock.stage("network", 0.6)
        features, attribution = self._run(channels, data.region_weights)
        probabilities = self._probabilities(_logits(attribution))
        grade = int(np.argmax(probabilities))
        clock.stage("explain", 0.75)
        nodes = _nodes(data.regions.items, attribution)
        top = most_attended(nodes, grade)
        deletion = None
        if deletion_check and top.id != LIVER_ID:
            deletion = self._delete(channels, data, top, probabilities)
        clock.stop()
        seconds = clock.seconds
        return Prediction(
            case=case.name,
            classes=self.card.classes,
            grade=grade,
            probabilities=tuple(probabilities.tolist()),
            logits=tuple(_logits(attribution).tolist()),
            temperature=self.card.temperature,
            entropy=_entropy(probabilities),
            abstain=top.id == LIVER_ID or bool(probabilities.max() < self.card.abstain_below),
            nodes=nodes,
            edges=_edges(nodes, features, data.region_weights),
            background_attention=tuple(attribution.background[0].tolist()),
            bias=tuple(attribution.bias.tolist()),
            findings=(*data.findings, *findings),
            provenance=self._provenance(case, tuple(channels), seconds),
            regions=data.regions.full_label_map(),
            attention=data.feature_grid.image(
                attribution.voxels[0].movedim(0, -1).contiguous().numpy(), is_vector=True
            ),
            deletion=deletion,
        )

    def _modalities(self, data: Preprocessed) -> tuple[dict[str, np.ndarray], list[Finding]]:
        """The network's inputs by name, and what the reader must know about them."""
        findings = []
        if self.card.trained_on_phantoms:
            findings.append(
                Finding(
                    "warning",
                    "phantom_model",
                    "The model was trained on synthetic phantoms: its grade has no clinical meaning.",
                )
            )
        given = [tracer for tracer in TRACERS if tracer in data.channels]
        tracers = [tracer for tracer in self.card.tracers if tracer in given]
        if self.card.network == "teacher":
            if missing := [tracer for tracer in self.card.tracers if tracer not in tracers]:
                message = f"The teacher was trained with every tracer; {_names(missing)} PET is missing."
                findings.append(Finding("warning", "teacher_without_pet", message))
            return {"ct": data.channels["ct"]} | {tracer: data.channels[tracer] for tracer in tracers}, findings
        if not tracers:
            findings.append(Finding("info", "no_pet", "The model read no PET: the grade rests on the CT alone."))
        if unread := [tracer for tracer in given if tracer not in tracers[:1]]:
            read = f"one PET, {_names(self.card.tracers, ' or ')}" if self.card.tracers else "CT alone"
            message = f"The {_names(unread)} PET was not used: the model reads {read}."
            findings.append(Finding("info", "pet_not_read", message))
        return {name: data.channels[name] for name in ("ct", *tracers[:1])}, findings

    def _run(self, channels: dict[str, np.ndarray], weights: np.ndarray) -> tuple[torch.Tensor, Attribution]:
        """Fused map (1, C, d, h, w) and attribution, both fp32 on the CPU, whatever the network ran in."""
        device = self.device.torch_device
        images = {name: torch.from_numpy(values)[None].to(device) for name, values in channels.items()}
        present = {name: torch.ones(1, dtype=torch.bool, device=device) for name in images}
        try:
            with (
                torch.inference_mode(),
                torch.autocast(device.type, torch.bfloat16, enabled=self.device.precision == "bf16"),
            ):
                output = self.network(ModalityBatch(images, present))
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise DeviceError(
                "out_of_memory",
                f"{self.device.name} has too little free memory for this model.",
                "Try again with the device cpu.",
            ) from error
        features = output.features.float().cpu()
        with torch.inference_mode():
            head = _on_cpu(self.network.head)
            return features, attribute(features, torch.from_numpy(weights)[None], head)

    def _probabilities(self, logits: torch.Tensor) -> np.ndarray:
        return F.softmax(logits.double() / self.card.temperature, dim=-1).numpy()

    def _delete(
        self, channels: dict[str, np.ndarray], data: Preprocessed, node: Node, before: np.ndarray
    ) -> DeletionCheck:
        """Replaces the node's voxels by the parenchyma's mean, as if the lesion were not there, and runs again."""
        inside, liver = data.label_map == node.label, data.label_map == LIVER_LABEL
        altered = {}
        for name, values in channels.items():
            fill = values[:, liver].mean(axis=1) if liver.any() else np.zeros(3, np.float32)
            altered[name] = values.copy()
            altered[name][:, inside] = fill[:, None]
        _, attribution = self._run(altered, data.region_weights)
        after = self._probabilities(_logits(attribution))
        grade = int(np.argmax(before))
        return DeletionCheck(node.id, tuple(after.tolist()), float(after[grade] - before[grade]))

    def _provenance(self, case: Case, read: tuple[str, ...], seconds: dict[str, float]) -> dict:
        """read: names of the images that the network was given."""
        return {
            "package": f"reactkd {__version__}",
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "model": {
                "name": self.card.name,
                "version": self.card.version,
                "network": self.card.network,
                "sha256": self.card.sha256,
                "trained_on": self.card.training["data"],
                "trained_on_phantoms": self.card.trained_on_phantoms,
                "intended_use": self.card.intended_use,
                "read": list(read),
                "measured": self.card.measured(read),
            },
            "inputs": {role: source.to_dict() for role, source in case.sources.items()},
            "selection": dict(case.selection),
            "ct_geometry": case.geometry.to_dict(),
            "preprocessing": self.card.preprocessing.to_dict(),
            **self.device.to_dict(),
            "seed": None,
            "seconds": seconds,
        }


class _Stopwatch:
    """Reports each stage as it begins, and keeps how long it took."""

    def __init__(self, progress: Progress):
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._stage: str | None = None
        self._since = time.perf_counter()

    def stage(self, name: str, fraction: float) -> None:
        self.stop()
        self._stage = name
        self._progress(name, fraction)

    def stop(self) -> None:
        now = time.perf_counter()
        if self._stage is not None:
            self.seconds[self._stage] = round(now - self._since, 4)
        self._since, self._stage = now, None


def _names(tracers: Sequence[str], joint: str = " and ") -> str:
    return joint.join({"fdg": "FDG", "act": "acetate"}[tracer] for tracer in tracers)


def _logits(attribution: Attribution) -> torch.Tensor:
    """(K,): the sum that the attribution shows is the logit itself, so that both are the same number."""
    return attribution.bias + attribution.background[0] + attribution.nodes[0].sum(dim=0)


def _nodes(regions: tuple[Region, ...], attribution: Attribution) -> tuple[Node, ...]:
    liver = next((region for region in regions if region.id == LIVER_ID), None)

    def uptake(region: Region, tracer: str) -> PetUptake:
        found = region.pet[tracer]
        reference = liver.pet[tracer].mean if liver and tracer in liver.pet else 0.0
        return PetUptake(found.mean, found.max, found.mean / reference if reference > 0 else None)

    return tuple(
        Node(
            id=region.id,
            name=region.name,
            label=region.label,
            volume_ml=region.volume_ml,
            centroid_lps_mm=region.centroid_lps_mm,
            attention=tuple(attribution.nodes[0, index].tolist()),
            mean_hu=region.mean_hu,
            pet={tracer: uptake(region, tracer) for tracer in region.pet},
        )
        for index, region in enumerate(regions)
    )


def _edges(nodes: tuple[Node, ...], features: torch.Tensor, weights: np.ndarray) -> tuple[Edge, ...]:
    similarity = region_graph(features, torch.from_numpy(weights)[None]).edges[0]
    return tuple(Edge(nodes[i].id, nodes[j].id, float(similarity[i, j])) for i, j in combinations(range(len(nodes)), 2))


def _entropy(probabilities: np.ndarray) -> float:
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log(positive)).sum() / math.log(len(probabilities)))


def _on_cpu(head: torch.nn.Linear) -> torch.nn.Linear:
    copy = torch.nn.Linear(head.in_features, head.out_features)
    copy.load_state_dict({name: value.float().cpu() for name, value in head.state_dict().items()})
    return copy
