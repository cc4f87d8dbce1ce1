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
from training.evaluation.table import Table
from training.explanations.maps import node_attention_map
from training.explanations.stability import jittered, rank_agreement
from training.report.explaining import CHANCE, MAPS, NODES, explain, explanation_table, mean_over_patients
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
    assert best["pointing"].all()
    assert best["inside"].min() > chance["inside"].max()
    assert np.isnan(best["agreement"]).all()


def test_the_agreement_is_a_correlation_and_only_asked_of_the_node_attention(noise):
    found = measured(noise, AttentionMap(node_attention_map, by_region=True), noise.names[:6])
    assert found["agreement"].shape == (6,)
    assert (np.abs(found["agreement"]) <= 1).all()


def test_the_agreement_is_that_of_the_readings_as_the_network_sees_them_and_not_of_one_map_pooled_anew(noise):
    names, read = noise.names[:6], []
    hook = noise.network.register_forward_pre_hook(lambda network, inputs: read.append(inputs[0]))
    try:
        found = measured(noise, AttentionMap(node_attention_map, by_region=True), names)["agreement"]
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


def test_every_map_has_its_line_and_what_it_is_not_asked_is_empty(noise):
    table = table_of({"One": noise}, cases=2)
    assert [row[:3] for row in table.rows] == [("One", name, 2) for name in MAPS]
    assert all((row[-1] == "") == (row[1] != NODES) for row in table.rows)
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
    # One for the grade, one for the map, eleven for each curve; and one for each reading by another hand.
    assert f"{NODES} {24 + JITTERS}; Attention transfer 24; {CHANCE} 24." in table.remarks[-1]


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
