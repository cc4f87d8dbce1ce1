from dataclasses import dataclass

import pytest
import torch

from training.data.batch_order import EpochBatches
from training.data.dataset import CachedDataset, load_batches
from training.data.draws import CaseFacts, DrawSettings, Evaluation, ModalitySettings, draw
from training.data.entry import CachedCase
from training.data.raw_batch import RawBatch, RawCase, collate

from .made_cases import cached_case, label_map, region_weights

NAMES = tuple(f"case{k}" for k in range(6))
LABELS = {name: None if k == 5 else k % 3 for k, name in enumerate(NAMES)}
SETTINGS = DrawSettings(modalities=ModalitySettings(tracers=("fdg", "act")))


@dataclass(frozen=True)
class MadeCache:
    """Cases made when they are read: 1 to 3 lesions, every second one without acetate."""

    def read(self, name: str) -> CachedCase:
        number = NAMES.index(name)
        tracers = ("fdg", "act") if number % 2 else ("fdg",)
        return cached_case(label_map(1 + number % 3, seed=number), tracers, seed=number)


def epochs_of(workers: int, count: int = 2) -> list[RawBatch]:
    dataset = CachedDataset(MadeCache(), NAMES, LABELS, SETTINGS, seed=4)
    batches = EpochBatches(NAMES, LABELS, 3, seed=4)
    loader = load_batches(dataset, batches, workers)
    found = []
    for epoch in range(count):
        batches.set_epoch(epoch)
        found += list(loader)
    return found


def same(one: RawBatch, other: RawBatch) -> bool:
    return (
        one.names == other.names
        and one.images.keys() == other.images.keys()
        and all(torch.equal(image, other.images[name]) for name, image in one.images.items())
        and torch.equal(one.regions, other.regions)
        and all((a.transform.matrix == b.transform.matrix).all() for a, b in zip(one.draws, other.draws, strict=True))
        and [a.regions for a in one.draws] == [b.regions for b in other.draws]
    )


@pytest.fixture(scope="module")
def alone() -> list[RawBatch]:
    return epochs_of(workers=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_gives_the_same_batches_in_every_epoch(alone, workers):
    side_by_side = epochs_of(workers)
    assert len(side_by_side) == len(alone) == 4
    assert all(same(one, other) for one, other in zip(side_by_side, alone, strict=True))


def test_another_epoch_draws_anew(alone):
    first, second = (
        {name: draw.transform.matrix.tobytes() for batch in alone[start : start + 2] for name, draw in
         zip(batch.names, batch.draws, strict=True)}
        for start in (0, 2)
    )  # fmt: skip
    assert first.keys() == second.keys() == set(NAMES)
    assert all(first[name] != second[name] for name in NAMES)


def test_a_resumed_epoch_is_the_one_that_was_interrupted(alone):
    dataset = CachedDataset(MadeCache(), NAMES, LABELS, SETTINGS, seed=4)
    batches = EpochBatches(NAMES, LABELS, 3, seed=4)
    batches.set_epoch(1)
    assert all(same(one, other) for one, other in zip(load_batches(dataset, batches), alone[2:], strict=True))


def test_an_evaluation_reads_the_cts_of_its_dose_and_moves_nothing():
    dataset = CachedDataset(MadeCache(), NAMES, LABELS, Evaluation(inputs=("ct",), level="severe"))
    batch = collate([dataset[0, name] for name in NAMES[:2]])
    assert list(batch.images) == ["ct"]
    for row, name in enumerate(NAMES[:2]):
        assert torch.equal(batch.images["ct"][row], torch.from_numpy(MadeCache().read(name).images["ct_severe"]))
    assert all(drawn.transform.is_identity for drawn in batch.draws)


def raw(number: int, case: CachedCase, label: int | None = 0) -> RawCase:
    return RawCase(f"case{number}", case, label, draw(f"case{number}", 0, 0, CaseFacts.of(case), SETTINGS))


def test_regions_are_padded_to_the_most_of_the_batch_with_rows_by_label():
    cases = [cached_case(label_map(lesions)) for lesions in (1, 3)]
    regions = collate([raw(k, case) for k, case in enumerate(cases)]).regions
    assert regions.shape[:2] == (2, 4)
    assert torch.equal(regions[0, :2], torch.from_numpy(cases[0].region_weights))
    assert float(regions[0, 2:].abs().max()) == 0
    assert torch.equal(regions[1], torch.from_numpy(cases[1].region_weights))


def test_a_liver_that_is_all_lesion_leaves_the_parenchymas_row_empty():
    labels = label_map(1)
    labels[labels == 1] = 2
    case = cached_case(labels)
    case = CachedCase(case.images, labels, case.region_weights[1:], (2,), case.body)
    regions = collate([raw(0, case)]).regions[0]
    assert float(regions[0].sum()) == 0
    assert torch.equal(regions[1], torch.from_numpy(region_weights(labels)[1]).half())


def test_a_case_without_a_tracer_or_a_grade_keeps_its_place_in_the_batch():
    batch = collate([raw(0, cached_case(tracers=("fdg",)), None), raw(1, cached_case(tracers=("fdg", "act")), 2)])
    assert batch.labels.tolist() == [-1, 2]
    assert float(batch.images["act"][0].abs().max()) == 0
    assert float(batch.images["act"][1].abs().max()) > 0
    assert "act" not in collate([raw(0, cached_case(tracers=("fdg",)))]).images
