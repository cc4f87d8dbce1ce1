from dataclasses import replace

import numpy as np
import pytest
import torch

from REACTKDLib.networks.attribution import attribute, centre_head
from REACTKDLib.networks.batch import ModalityBatch
from Testing.training.data.made_cases import cached_case, label_map, region_weights
from Testing.training.engine.tiny import FINGERPRINT, GRID
from training.data.batch import prepare
from training.data.store import write_entry
from training.evaluation.bootstrap import Resampling
from training.evaluation.errors import EvaluationError
from training.evaluation.table import Table, Value
from training.explanations.stability import jittered, rank_agreement
from training.report.explaining import (
    CHANCE,
    MAPS,
    NODES,
    explain,
    explanation_differences,
    explanation_table,
    mean_over_patients,
)
from training.report.explanation_measures import JITTERS, AttentionMap, measured, random_map
from training.report.networks import HeldOut

FEW = Resampling(resamples=50)
CHEAP = {name: MAPS[name] for name in (NODES, "Attention transfer", CHANCE)}
NOISE = {CHANCE: MAPS[CHANCE]}


def table_of(networks: dict[str, HeldOut], **options) -> Table:
    return explanation_table(explain(networks, **options), settings=FEW)


def lesion_map(network, batch, classes) -> torch.Tensor:
    """The ideal of the pointing game: the lesion channel of the CT, on the grid of the fused map."""
    grid = network(batch).features.shape[2:]
    return torch.nn.functional.adaptive_avg_pool3d((batch.images["ct"][:, 2] != 0).float(), grid)


def test_a_map_of_the_lesions_themselves_wins_the_pointing_game_and_noise_does_not(noise):
    best = measured(noise, AttentionMap(lesion_map), noise.names[:6])
    chance = measured(noise, AttentionMap(random_map), noise.names[:6])
    assert (best["pointing"] > chance["pointing"]).all()
    assert best["inside"].min() > chance["inside"].max()


@pytest.mark.parametrize("name", MAPS)
def test_the_agreement_is_a_correlation_of_every_map(noise, name):
    found = measured(noise, MAPS[name], noise.names[:3])["agreement"]
    assert found.shape == (3,)
    assert (np.abs(found) <= 1 + 1e-6).all()


def test_a_map_that_is_the_same_everywhere_has_the_regions_sizes_as_their_attention(noise):
    everywhere = AttentionMap(lambda network, batch, classes: torch.ones_like(lesion_map(network, batch, classes)))
    ((batch, inputs),) = noise.batches(noise.names[:6])
    classes = torch.zeros(6, dtype=torch.int64)
    sizes = batch.regions.float().sum((2, 3, 4))
    torch.testing.assert_close(everywhere.by_region(noise.network, inputs, classes, batch.regions), sizes)


def test_a_case_whose_regions_have_no_order_has_no_agreement_and_the_others_keep_theirs(noise):
    def of_all_but_the_first(network, batch, classes) -> torch.Tensor:
        maps = random_map(network, batch, classes)
        maps[0] = 0
        return maps

    found = measured(noise, AttentionMap(of_all_but_the_first), noise.names[:3])["agreement"]
    assert np.isnan(found).tolist() == [True, False, False]


def test_the_agreement_is_that_of_the_readings_as_the_network_sees_them_and_not_of_one_map_pooled_anew(noise):
    names, read = noise.names[:6], []
    hook = noise.network.register_forward_pre_hook(lambda network, inputs: read.append(inputs[0]))
    try:
        found = measured(noise, MAPS[NODES], names)["agreement"]
    finally:
        hook.remove()
    ((batch, inputs),) = noise.batches(names)
    (raw,) = noise.cases.raw_batches(names, noise.evaluation, len(names))
    head = centre_head(noise.network.head)

    def attention(inputs: ModalityBatch, regions: torch.Tensor) -> list[torch.Tensor]:
        with torch.no_grad():
            nodes = attribute(noise.network(inputs).features, regions, head).nodes
        return [rows[has, grade] for rows, has, grade in zip(nodes, there, classes, strict=True)]

    with torch.no_grad():
        classes = noise.network(inputs).logits.argmax(1)
    there = batch.regions.flatten(2).any(2)
    first = attention(inputs, batch.regions)
    expected = []
    for seed in range(JITTERS):
        again = prepare(jittered(raw, seed), "cpu", noise.cases.spec)
        assert any(torch.equal(again.images["ct"], one.images["ct"]) for one in read)
        others = attention(again.for_student(), again.regions)
        expected.append([rank_agreement(one, other) for one, other in zip(first, others, strict=True)])
    np.testing.assert_allclose(found, np.mean(expected, 0), atol=1e-6)


def test_every_map_has_its_line_and_every_measure(noise):
    table = table_of({"One": noise}, cases=2)
    assert [row[:3] for row in table.rows] == [("One", name, 2) for name in MAPS]
    assert all(isinstance(cell, Value) for row in table.rows for cell in row[3:])
    assert "2 of 12, drawn with seed 0, the same in every line" in table.remarks[0]


def test_the_node_attention_that_is_measured_is_that_of_the_cases_own_regions(noise):
    """Filled with 1 where a lesion's node has the most, as a loop over cases does it."""
    names = noise.names[:4]
    found = measured(noise, MAPS[NODES], names)["inside"]
    for name, share in zip(names, found, strict=True):
        ((batch, inputs),) = noise.batches([name])
        with torch.no_grad():
            output = noise.network(inputs)
        grade = int(output.logits.argmax())
        nodes = attribute(output.features, batch.regions, centre_head(noise.network.head)).nodes[0, :, grade]
        filled = sum(value * weights for value, weights in zip(nodes, batch.regions[0], strict=True)).clamp_min(0)
        expected = (filled * batch.regions[0, 1:].sum(0)).sum() / filled.sum()
        np.testing.assert_allclose(share, expected, atol=1e-5)


def test_the_mean_of_few_cases_has_no_interval_and_why_is_said_once(noise):
    few, more = (table_of({"One": noise}, maps=NOISE, cases=count) for count in (5, 6))
    assert few.rows[0][3].low is few.rows[0][3].high is None
    assert more.rows[0][3].low < more.rows[0][3].high
    assert " ".join(few.texts).count("none of fewer than 6") == 1


def test_networks_are_measured_on_the_same_cases(noise):
    table = table_of({"One": noise, "Two": noise}, maps=NOISE, cases=2)
    assert [row[0] for row in table.rows] == ["One", "Two"]
    assert table.rows[0][1:] == table.rows[1][1:]


def test_the_remark_counts_the_forward_passes(noise):
    table = table_of({"One": noise}, maps=CHEAP, cases=2)
    # One for the grade, one for the map, eleven for each curve; and one for each reading, by the same hand and another.
    each = 24 + 1 + JITTERS
    assert f"{NODES} {each}; Attention transfer {each}; {CHANCE} {each}." in table.remarks[-1]


def test_which_cases_are_taken_is_a_function_of_the_seed(noise):
    first, again, other = (table_of({"One": noise}, maps=NOISE, cases=2, seed=seed).rows for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_cases_without_a_lesion_are_left_out_and_counted(noise, tmp_path):
    names = noise.names[:3]
    for name in names:
        write_entry(tmp_path, name, noise.cases.cache.read(name), FINGERPRINT, ())
    bare = label_map(0, GRID)
    case = replace(cached_case(bare), region_weights=region_weights(bare, 2).astype(np.float16))
    write_entry(tmp_path, names[0], case, FINGERPRINT, ())
    cases = replace(noise.cases, cache=replace(noise.cases.cache, folder=tmp_path), test=names)
    table = table_of({"One": replace(noise, cases=cases)}, maps=NOISE)
    assert table.rows[0][2] == 2
    assert "1 without a lesion left out" in table.remarks[0]
    with pytest.raises(EvaluationError, match="has a lesion"):
        table_of({"One": replace(noise, cases=replace(cases, test=names[:1]))})


def test_maps_and_networks_are_compared_by_paired_differences(noise):
    found = explain({"One": noise, "Two": noise}, maps=CHEAP, cases=6)
    table = explanation_differences(found, settings=FEW)
    assert [row[:3] for row in table.rows] == [
        ("One", NODES, "Attention transfer"),
        ("One", NODES, CHANCE),
        *(("One", name, "the same of Two") for name in CHEAP),
    ]
    of = {(one.network, one.map): one.values["deletion"] for one in found.explained}
    expected = of["One", NODES] - of["One", CHANCE]
    assert table.rows[1][3].value == pytest.approx(expected.mean())
    assert table.rows[1][3].low < expected.mean() < table.rows[1][3].high
    assert all(cell.value == 0 and cell.low is None for cell in table.rows[-1][3:])


def test_a_mean_leaves_out_cases_without_a_value_and_resamples_patients_not_cases():
    apart, of_six = [f"patient {number}" for number in range(12)], [f"patient {number % 6}" for number in range(12)]
    values = np.array([0.2, np.nan, *[0.4] * 10])
    assert mean_over_patients(values, apart, FEW).value == pytest.approx((0.2 + 4) / 11)
    same = mean_over_patients(np.full(12, 0.3), apart, FEW)
    assert (same.value, same.low, same.high) == (pytest.approx(0.3), None, None)
    alike = np.tile([0.1, 0.9], 6)  # both scans of a patient have the same value
    of_pairs, of_all = (mean_over_patients(alike, patients, Resampling()) for patients in (of_six, apart))
    assert of_all.low < 0.5 < of_all.high
    # Half as many patients: the standard error is larger by the root of two.
    assert of_pairs.high - of_pairs.low == pytest.approx(np.sqrt(2) * (of_all.high - of_all.low), rel=0.2)
