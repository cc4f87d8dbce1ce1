"""One scene a session, emptied for each test; predictions of an ellipsoid liver that no model had to make."""

from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.inference.prediction import Edge, Node, PetUptake, Prediction
from REACTKDLib.scene.overlay import build_overlay
from REACTKDLib.scene.rendering import can_render
from REACTKDLib.scene.standalone import standalone
from REACTKDLib.scene.volumes import CaseImages

CLASSES = ("well differentiated", "moderately differentiated", "poorly differentiated")
SIZE = (96, 80, 40)
SPACING = (3.6, 3.6, 5.0)
CENTER_LPS = np.array([10.0, -20.0, 100.0])

# Offsets from the body's centre, LPS mm: the liver lies in the patient's right, as livers do.
LIVER = ((-60.0, -10.0, 0.0), (85.0, 75.0, 70.0))
LESIONS = (
    ((-95.0, -10.0, 20.0), (26.0, 24.0, 22.0)),
    ((-25.0, -45.0, -15.0), (13.0, 13.0, 12.0)),
    ((-60.0, 30.0, -30.0), (8.0, 8.0, 8.0)),
)
ATTENTION = ((-0.25, 0.10, 0.15), (-0.90, 0.35, 1.20), (0.40, -0.20, -0.45), (0.05, 0.02, 0.30))


@dataclass(frozen=True)
class Phantom:
    prediction: Prediction
    images: CaseImages


def phantom_of(
    direction: np.ndarray | None = None, lesions: int = 3, size=SIZE, spacing=SPACING, case: str = "phantom-1"
) -> Phantom:
    """direction: 3x3, identity by default. The anatomy is fixed in LPS: only the voxel grid turns with it."""
    rotation = np.eye(3) if direction is None else np.asarray(direction, float)
    middle = (np.array(size) - 1) / 2
    origin = CENTER_LPS - rotation @ (middle * spacing)
    geometry = Geometry(tuple(size), tuple(spacing), tuple(origin.tolist()), tuple(rotation.ravel().tolist()))
    d, h, w = np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij")
    places = geometry.to_world(np.stack([w, h, d], -1)) - CENTER_LPS

    def inside(center, radii):
        return (((places - center) / radii) ** 2).sum(-1) <= 1

    body = inside((0, 0, 0), (165, 125, 1000))
    labels = inside(*LIVER).astype(np.uint8)
    for index, lesion in enumerate(LESIONS[:lesions]):
        labels[inside(*lesion)] = index + 2
    hu = np.where(body, 30.0, -1000.0)
    hu[inside((0, 70, 0), (18, 18, 1000))] = 400
    hu[labels == 1] = 110
    hu[labels > 1] = 60
    hu += np.random.default_rng(0).normal(0, 8, hu.shape)
    ct = geometry.image(hu.astype(np.int16))
    uptake = np.where(body, 1.0, 0.0) + 1.2 * (labels == 1) + 4.0 * (labels > 1)
    pet = geometry.image(uptake.astype(np.float32))
    return Phantom(_prediction(geometry, labels, hu, uptake, case), CaseImages(ct, {"fdg": pet}))


def _prediction(geometry: Geometry, labels: np.ndarray, hu: np.ndarray, uptake: np.ndarray, case: str) -> Prediction:
    nodes = []
    for label in np.unique(labels[labels > 0]).tolist():
        mask = labels == label
        centroid = geometry.to_world(np.argwhere(mask)[:, ::-1].mean(0))
        pet = PetUptake(float(uptake[mask].mean()), float(uptake[mask].max()), float(uptake[mask].mean() / 2.2))
        nodes.append(
            Node(
                id="liver" if label == 1 else f"lesion_{label - 1}",
                name="Liver" if label == 1 else f"Lesion {label - 1}",
                label=label,
                volume_ml=float(mask.sum() * geometry.voxel_ml),
                centroid_lps_mm=tuple(centroid.tolist()),
                attention=ATTENTION[label - 1],
                mean_hu=float(hu[mask].mean()),
                pet={"fdg": pet},
            )
        )
    pairs = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 :]]
    similarities = np.linspace(0.92, -0.35, max(len(pairs), 1)).tolist()
    logits = tuple(float(sum(node.attention[c] for node in nodes)) for c in range(3))
    exponentials = np.exp(logits)
    return Prediction(
        case=case,
        classes=CLASSES,
        grade=int(np.argmax(logits)),
        probabilities=tuple((exponentials / exponentials.sum()).tolist()),
        logits=logits,
        temperature=1.0,
        entropy=0.7,
        abstain=False,
        nodes=tuple(nodes),
        edges=tuple(Edge(a.id, b.id, s) for (a, b), s in zip(pairs, similarities, strict=False)),
        background_attention=(0.0, 0.0, 0.0),
        bias=(0.0, 0.0, 0.0),
        findings=(),
        provenance={},
        regions=geometry.image(labels),
        attention=_voxel_map(geometry, labels, nodes),
    )


def _voxel_map(geometry: Geometry, labels: np.ndarray, nodes: list[Node]) -> sitk.Image:
    """Each region's attention spread evenly over it, averaged onto an 8x24x24 grid around the liver."""
    present = np.argwhere(labels > 0)[:, ::-1]
    low, high = present.min(0) - 5, present.max(0) + 5
    size = np.array((24, 24, 8))
    step = (high - low + 1) / size
    spacing = step * geometry.spacing
    origin = geometry.to_world(low - 0.5 + step / 2)
    coarse = Geometry(tuple(size.tolist()), tuple(spacing.tolist()), tuple(origin.tolist()), geometry.direction)
    channels = []
    for c in range(3):
        share = np.zeros(256)
        for node in nodes:
            share[node.label] = node.attention[c] / (labels == node.label).sum()
        smooth = sitk.DiscreteGaussian(geometry.image(share[labels]), ((spacing / 2.5) ** 2).tolist(), 64, 0.01, True)
        moved = sitk.Resample(smooth, coarse.image(np.zeros(coarse.shape)), sitk.Transform(), sitk.sitkLinear)
        channels.append(sitk.GetArrayFromImage(moved))
    return coarse.image(np.stack(channels, -1).astype(np.float32), is_vector=True)


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    return phantom_of()


@pytest.fixture(scope="session")
def make_phantom():
    """`phantom_of`, for tests that need another one."""
    return phantom_of


@pytest.fixture
def host():
    host = standalone()
    host.scene.Clear(0)
    return host


@pytest.fixture
def scene(host):
    return host.scene


@pytest.fixture
def overlay(scene, phantom):
    return build_overlay(scene, phantom.prediction, phantom.images)


@pytest.fixture(scope="session")
def display():
    """Skips where nothing can be rendered, and says why."""
    can, reason = can_render()
    if not can:
        pytest.skip(reason)
