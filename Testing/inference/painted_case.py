"""A prediction and a CT whose anatomy is fixed in LPS mm, and where it should appear in a picture."""

import numpy as np
import SimpleITK as sitk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.inference.prediction import Edge, Node, PetUptake, Prediction

WIDTH, HEIGHT = 720, 500
SPACING = (2.5, 2.5, 3.0)
CENTRE = np.array([-60.0, 15.0, 40.0])
RADII = np.array([80.0, 60.0, 70.0])
LESION = ((-41.0, -24.0, 21.0), 14.0)
MARGIN = 20.0
CLASSES = ("well differentiated", "moderately differentiated", "poorly differentiated")
AXES = {"axial": ((0, 1), (1, 1)), "coronal": ((0, 1), (2, -1)), "sagittal": ((1, 1), (2, -1))}
"""Patient axis (LPS) and sign along the picture's columns and rows: R left, A up or left, S up."""
STRAIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.2, -0.15, 0.35).GetMatrix()


def patient_grid(direction) -> Geometry:
    size = np.array([104, 84, 70])
    matrix = np.reshape(direction, (3, 3))
    origin = CENTRE - matrix @ ((size - 1) / 2 * SPACING)
    return Geometry(tuple(size.tolist()), SPACING, tuple(origin.tolist()), tuple(map(float, direction)))


def places(geometry: Geometry) -> np.ndarray:
    """LPS mm from the liver's centre, (D, H, W, 3)."""
    index = np.stack(np.indices(geometry.shape)[::-1], axis=-1)
    return geometry.to_world(index) - CENTRE


def ball(at: np.ndarray, centre, radius: float) -> np.ndarray:
    return np.linalg.norm(at - np.asarray(centre), axis=-1) <= radius


def a_case(lesions=(LESION,), direction=STRAIGHT, attention=None, masks=None):
    """lesions: offset from the liver's centre in LPS mm, radius. masks: of lesions of another shape, from places.

    attention: LPS mm from the liver's centre -> share of the predicted class's logit. Returns prediction and CT.
    """
    geometry = patient_grid(direction)
    at = places(geometry)
    labels = (((at / RADII) ** 2).sum(axis=-1) <= 1).astype(np.uint8)
    for label, mask in enumerate(masks or [lambda p, ball_=b: ball(p, *ball_) for b in lesions], start=2):
        labels[mask(at)] = label
    hu = np.choose(np.minimum(labels, 2), [-20, 60, 200]).astype(np.int16)

    feature_grid = Geometry((16, 14, 12), (12.5, 12.5, 15.0), tuple((CENTRE - [93.75, 81.25, 82.5]).tolist()))
    share = np.zeros((*feature_grid.shape, 3), np.float32)
    if attention is not None:
        share[..., 2] = attention(places(feature_grid))
    nodes = [
        Node(
            id="liver" if label == 1 else f"lesion_{label - 1}",
            name="Liver" if label == 1 else f"Lesion {label - 1}",
            label=int(label),
            volume_ml=float((labels == label).sum() * geometry.voxel_ml),
            centroid_lps_mm=tuple((at[labels == label].mean(axis=0) + CENTRE).tolist()),
            attention=(0.0, 0.0, (-1.0) ** int(label)),
            mean_hu=float(hu[labels == label].mean()),
            pet={"fdg": PetUptake(2.0, 8.0 if label > 1 else 2.0, None)},
        )
        for label in np.unique(labels[labels > 0])
    ]
    edges = [Edge(a.id, b.id, 0.5) for i, a in enumerate(nodes) for b in nodes[i + 1 :]]
    prediction = Prediction(
        case="phantom",
        classes=CLASSES,
        grade=2,
        probabilities=(0.1, 0.2, 0.7),
        logits=(0.0, 0.0, 1.0),
        temperature=1.0,
        entropy=0.7,
        abstain=False,
        nodes=tuple(nodes),
        edges=tuple(edges),
        background_attention=(0.0, 0.0, 0.0),
        bias=(0.0, 0.0, 0.0),
        findings=(),
        provenance={},
        regions=geometry.image(labels),
        attention=feature_grid.image(share, is_vector=True),
    )
    return prediction, geometry.image(hu)


def expected_place(view: str, offset) -> tuple[np.ndarray, float]:
    """Column and row of an offset from the liver's centre, and pixels per mm: the liver and its margin fill it."""
    (across, sign_across), (down, sign_down) = AXES[view]
    extent = 2 * (RADII[[across, down]] + MARGIN)
    scale = float((np.array([WIDTH, HEIGHT]) / extent).min())
    return np.array([sign_across * offset[across], sign_down * offset[down]]) * scale + [WIDTH / 2, HEIGHT / 2], scale


def thirty_two_lesions():
    """Apart from each other in the front view."""
    steps = [((x, 0.0, z), 4.0) for z in (-36, -18, 0, 18, 36) for x in (-45, -30, -15, 0, 15, 30, 45)]
    return steps[:32]
