import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from Testing.training.methods.batches import architectures, random_batch, random_tensor, reaches_the_student_alone
from training.methods._maps import voxel_vectors
from training.methods.cirkd import CrossImage, batch_similarities, similarity_loss

GRID = (4, 6, 6)


def cirkd(**options) -> CrossImage:
    torch.manual_seed(0)
    return CrossImage(*architectures(GRID, GRID, (16, 16)), CrossImage.Options(**options))


def test_pairs_of_cases_equal_the_written_out_loop():
    student, teacher = (voxel_vectors(random_tensor(3, 5, 1, 2, 2, seed=seed)) for seed in (0, 1))
    s, t = student.detach().numpy(), teacher.detach().numpy()
    expected = 0.0
    for i, j in np.ndindex(3, 3):
        for voxel in range(4):
            q, p = (softmax(x[i, voxel] @ x[j].T / 0.1) for x in (s, t))
            expected += rel_entr(p, q).sum() / 4 / 9
    loss = similarity_loss(batch_similarities(student), batch_similarities(teacher), 0.1)
    assert float(loss.detach()) == pytest.approx(expected, abs=1e-6)


def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone():
    student, teacher = random_tensor(3, 7, seed=0), random_tensor(3, 7, seed=1)
    assert float(similarity_loss(teacher, teacher, 0.1).detach()) == pytest.approx(0, abs=1e-12)
    assert reaches_the_student_alone(lambda s, t: similarity_loss(s, t, 0.1), student, teacher)


def test_similarities_to_memory_equal_the_written_out_loop():
    method, batch = cirkd(voxel_sample=10**6, region=1.0), random_batch()
    terms = method(batch)
    memory = method.regions.filled().double().numpy()

    def halved(maps: torch.Tensor) -> np.ndarray:
        values = maps.detach().double().numpy()
        return values.reshape(*values.shape[:2], 2, 2, 3, 2, 3, 2).mean((3, 5, 7)).reshape(*values.shape[:2], -1)

    kernel = method.project.weight.detach().double().numpy()[:, :, 0, 0, 0]
    divergences = []
    for s, t in zip(halved(batch.student.features), halved(batch.teacher.features), strict=True):
        for ours, theirs in zip((kernel @ s).T, t.T, strict=True):
            q, p = (softmax(memory @ v / np.linalg.norm(v) / 0.1) for v in (ours, theirs))
            divergences.append(rel_entr(p, q).sum())
    assert float(terms["region"].detach()) == pytest.approx(np.mean(divergences), abs=1e-6)


def test_every_region_that_is_there_is_remembered_with_as_many_voxels():
    method, batch = cirkd(), random_batch(4, regions=3)
    batch.regions[1, 2] = 0
    method(batch)
    assert int(method.regions.pushed) == 4 * 3 - 1
    assert int(method.voxels.pushed) == 16 * (4 * 3 - 1)


def test_voxels_are_remembered_from_where_the_region_is():
    method, batch = cirkd(), random_batch(2, regions=1)
    batch.regions.zero_()
    batch.regions[:, 0, :2, :2, :2] = 1
    method(batch)
    corner = batch.teacher.features.detach()[:, :, :2, :2, :2].mean((2, 3, 4))
    expected = torch.nn.functional.normalize(corner, dim=1).repeat_interleave(16, 0)
    torch.testing.assert_close(method.voxels.filled(), expected)


def test_what_is_remembered_and_drawn_depends_on_what_was_seen_and_not_on_the_state_of_any_generator():
    terms = []
    for seed in range(2):
        method, batch = cirkd(voxel_sample=20, region_sample=5), random_batch()
        torch.manual_seed(seed)
        method(batch)
        terms.append(method(batch))
    assert terms[0] == terms[1]


def test_before_anything_is_remembered_memory_costs_nothing():
    terms = cirkd().eval()(random_batch())
    assert float(terms["voxel"].detach()) == 0
    assert float(terms["region"].detach()) == 0
    assert float(terms["batch"].detach()) > 0
