import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_score

from training.evaluation.errors import EvaluationError
from training.report.embedding import Embedding, embed, embedding_figure, embeddings_of, penultimate_features

GRADES = np.repeat(np.arange(3), 8)


def clusters(distance: float, seed: int = 0) -> np.ndarray:
    """(24, 5): three clouds of spread 1 around corners so far from each other."""
    return np.random.default_rng(seed).normal(size=(24, 5)) + distance * np.eye(3, 5)[GRADES]


def test_the_silhouette_is_of_the_features_whatever_the_plane_looks_like():
    features = clusters(3)
    first, second = embed(features, GRADES, seed=0), embed(features * 10, GRADES, seed=1)
    assert first.silhouette == pytest.approx(silhouette_score(features, GRADES))
    assert second.silhouette == pytest.approx(first.silhouette)
    assert first.silhouette != pytest.approx(silhouette_score(first.plane, GRADES), abs=0.01)


def test_grades_that_lie_apart_have_a_high_one_and_grades_that_mix_none():
    assert embed(clusters(100), GRADES).silhouette > 0.9
    assert abs(embed(clusters(0), GRADES).silhouette) < 0.1


def test_the_plane_is_a_function_of_the_seed_and_keeps_neighbours_together():
    one, same = (embed(clusters(100), GRADES, seed=3).plane for _ in range(2))
    assert np.array_equal(one, same)
    assert silhouette_score(one, GRADES) > 0.5


@pytest.mark.parametrize("grades", [[0, 1, 2, 0, 1, 2], [1] * 12])
def test_too_few_cases_or_a_single_grade_are_refused(grades):
    with pytest.raises(EvaluationError, match="neighbours"):
        embed(clusters(1)[: len(grades)], np.array(grades))


def test_a_fold_of_seven_cases_can_be_seen():
    assert embed(clusters(5)[5:12], GRADES[5:12]).plane.shape == (7, 2)


def test_the_features_are_what_the_head_reads(noise):
    features, grades = penultimate_features(noise)
    assert grades.tolist() == [noise.cases.grades[name] for name in noise.names]
    with torch.inference_mode():
        ((_, inputs),) = noise.batches(noise.names, size=12)
        expected = noise.network(inputs).logits
        found = noise.network.head(torch.from_numpy(features).float())
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_figure_has_a_panel_for_each_network_with_its_silhouette_and_tells_grades_apart_twice(noise):
    other = Embedding(np.random.default_rng(0).normal(size=(24, 2)), GRADES, -0.123)
    figure = embedding_figure({"Ours": embeddings_of({"Ours": noise})["Ours"], "Alone": other}, note="Phantoms.")
    figure.draw_without_rendering()
    assert [axes.get_title(loc="left").split("\n")[0] for axes in figure.axes] == ["Ours", "Alone"]
    assert figure.axes[1].get_title(loc="left").endswith("silhouette −0.12")
    drawn = figure.axes[1].collections
    assert len({tuple(points.get_facecolor()[0]) for points in drawn}) == 3
    assert len({points.get_paths()[0].vertices.tobytes() for points in drawn}) == 3
    note = figure._supxlabel
    assert "not in this plane" in note.get_text().replace("\n", " ")
    assert note.get_text().endswith("Phantoms.")
    box = note.get_window_extent()
    assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
