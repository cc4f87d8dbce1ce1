"""How good explanations are: every attention map of every network, held to the same cases."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from torch import nn

from REACTKDLib.networks.batch import ModalityBatch

from ..evaluation.bootstrap import RESAMPLING, Estimate, Resampling
from ..evaluation.errors import EvaluationError
from ..evaluation.resampling import FEWEST_PATIENTS, can_resample, patient_weights
from ..evaluation.table import Cell, Column, Table, Value
from ..explanations.curves import STEPS
from ..explanations.maps import (
    attention_transfer_map,
    grad_cam_map,
    node_attention_map,
    occlusion_map,
    react_kd_map,
)
from .explanation_measures import JITTERS, MEASURES, AttentionMap, measured, random_map
from .explanations import Explained, Explanations
from .networks import HeldOut, require_one_fold

CASES = 30
"""Of a fold, at most."""
NODES = "REACT-KD's node attention"
VOXELS = "REACT-KD's voxel attention"
CHANCE = "Random (control)"

MAPS = {
    NODES: AttentionMap(node_attention_map, filled_with=react_kd_map),
    VOXELS: AttentionMap(react_kd_map),
    "Grad-CAM": AttentionMap(grad_cam_map),
    "Occlusion": AttentionMap(occlusion_map, readings=1),
    "Attention transfer": AttentionMap(attention_transfer_map),
    CHANCE: AttentionMap(random_map),
}


def explain(
    networks: Mapping[str, HeldOut],
    *,
    maps: Mapping[str, AttentionMap] = MAPS,
    cases: int = CASES,
    seed: int = 0,
) -> Explanations:
    """What each measure says of each network and map on held-out cases of a fold.

    cases: of those with a lesion, at most, the same for all networks and maps; drawn with the seed where there are
    more. Raises EvaluationError: other_folds, no_case where no held-out case has a lesion.
    """
    first = require_one_fold(networks)
    of_all = sorted(set(first.names).intersection(*(of.names for of in networks.values())))
    with_lesion = [name for name in of_all if len(first.cases.cache.read(name).labels) > 1]
    if not with_lesion:
        raise EvaluationError(
            "no_case", "No held-out case has a lesion, which attention could fall on.", "Take another fold."
        )
    chosen = np.random.default_rng(seed).permutation(with_lesion)[:cases].tolist()
    patients = [first.cases.patients[name] for name in chosen]
    found: list[Explained] = []
    passes: dict[str, float] = {}
    for title, of in networks.items():
        for name, attention in maps.items():
            with _counted(of.network) as count:
                values = measured(of, attention, chosen)
            passes[name] = count[0] / len(chosen)
            found.append(Explained(title, name, tuple(chosen), tuple(patients), values))
    which = (
        f"Held-out cases of fold {first.job.fold} with a lesion: {len(chosen)} of {len(with_lesion)}, drawn with seed "
        f"{seed}, the same in every line; {len(of_all) - len(with_lesion)} without a lesion left out."
    )
    return Explanations(tuple(found), (which, _said(passes)))


def explanation_table(explanations: Explanations, *, settings: Resampling = RESAMPLING, note: str = "") -> Table:
    """A line for each network and map: means over cases, with intervals over patients."""
    columns = (Column("network", "Network"), Column("map", "Map"), Column("cases", "Cases"))
    columns += tuple(Column(measure.key, measure.title) for measure in MEASURES)
    rows = tuple((of.network, of.map, len(of.cases), *_cells(of, settings)) for of in explanations.explained)
    which, *passes = explanations.remarks or ("",)
    return Table("How good explanations are", columns, rows, (which, _how(settings), *passes), note)


def explanation_differences(explanations: Explanations, *, settings: Resampling = RESAMPLING, note: str = "") -> Table:
    """The same measures as paired differences: of REACT-KD's maps from the others, and of the networks, map by map."""
    found = {(of.network, of.map): of for of in explanations.explained}
    first, *others = dict.fromkeys(of.network for of in explanations.explained)
    own = [name for name in (NODES, VOXELS) if (first, name) in found]
    pairs = [
        ((first, name), (first, other.map))
        for name in own
        for other in explanations.explained
        if other.network == first and other.map not in own
    ]
    pairs += [(key, (network, key[1])) for network in others for key in found if key[0] == first]
    columns = (Column("network", "Network"), Column("map", "Map"), Column("other", "Minus"))
    columns += tuple(Column(measure.key, measure.title) for measure in MEASURES)
    rows = []
    for one, other in pairs:
        values = {key: of - found[other].values[key] for key, of in found[one].values.items()}
        minus = other[1] if other[0] == first else f"the same of {other[0]}"
        rows.append((*one, minus, *_cells(replace(found[one], values=values), settings)))
    remark = (
        f"Paired by case, {settings.level:.0%} intervals over patients, not corrected for how many they are; networks "
        "as they were trained, one of each. Of deletion less is better, of all else more; what a network's own "
        "control, the noise, differs by is no merit of a map."
    )
    return Table("Explanations compared", columns, tuple(rows), (remark,), note)


def mean_over_patients(values: np.ndarray, patients: Sequence[str], settings: Resampling) -> Estimate:
    """Of the cases that have a value, with percentiles over resampled patients.

    None of fewer than `FEWEST_PATIENTS`, nor of values that are all the same: resamples would never differ. Whatever
    their grades: unlike a metric, a mean is defined without a case of every grade. patients: (N,), of each case.
    """
    there = ~np.isnan(values)
    values = values[there]
    patients = [patient for patient, has in zip(patients, there, strict=True) if has]
    alike = np.zeros(len(values), dtype=int)
    if not can_resample(alike, patients) or np.ptp(values) == 0:
        return Estimate(float(values.mean()), None, None)
    weights = patient_weights(alike, patients, settings.resamples, np.random.default_rng([settings.seed, 0]))
    means = weights @ values / weights.sum(1)
    low, high = np.quantile(means, [(1 - settings.level) / 2, (1 + settings.level) / 2])
    return Estimate(float(values.mean()), float(low), float(high))


@contextmanager
def _counted(network: nn.Module) -> Iterator[list[int]]:
    """How many cases went through the network, by its forward passes."""
    count = [0]

    def add(_, arguments: tuple[ModalityBatch]) -> None:
        count[0] += arguments[0].size

    hook = network.register_forward_pre_hook(add)
    try:
        yield count
    finally:
        hook.remove()


def _cells(of: Explained, settings: Resampling) -> Iterator[Cell]:
    for measure in MEASURES:
        values = of.values[measure.key]
        if np.isnan(values).all():
            yield ""
            continue
        mean = mean_over_patients(values, of.patients, settings)
        value = Value(mean.value, low=mean.low, high=mean.high)
        yield replace(value, style="percent") if measure.percent else value


def _how(settings: Resampling) -> str:
    return (
        f"Attention for the grade that the network predicts; means with {settings.level:.0%} intervals of "
        f"{settings.resamples} bootstrap resamples of patients, none of fewer than {FEWEST_PATIENTS} or where all "
        "cases have the same value. Node attention: each region filled with its node's, as Slicer shows it; voxels of "
        "the same attention come in random order. Deletion and insertion: area under the probability of that grade as "
        f"voxels are erased or put back by falling attention, in {STEPS} steps. The control is noise: what a map is "
        "worth is how far it is from that. Pointing game: the highest attention lies in a lesion, whichever: a "
        "phantom's grade shows in all of them, and in which of a patient's it does nobody has said; of several equal "
        "maxima, such as those of an occluding block, it is the part that does. Rank agreement: Spearman's, of the "
        f"map's sums over regions with those of {JITTERS} readings (occlusion: 1) with every lesion a voxel larger or "
        "smaller, which the network reads anew; with one lesion it is 1 or −1. REACT-KD's two maps have the same sums. "
        "Noise that stays in its place keeps the order of the regions' sizes. Grad-CAM is, with a linear head, the "
        "positive part of REACT-KD's sum with the head not centred."
    )


def _said(passes: Mapping[str, float]) -> str:
    counts = "; ".join(f"{name} {count:.0f}" for name, count in passes.items())
    return f"Forward passes a case, with the curves: {counts}."
