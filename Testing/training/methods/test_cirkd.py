import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from Testing.training.methods.batches import architectures, random_batch, random_tensor, reaches_the_student_alone
from training.methods._maps import halved, voxel_vectors
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
    memory = torch.cat([queue.filled() for queue in method.regions]).double().numpy()

    def halves(maps: torch.Tensor) -> np.ndarray:
        values = maps.detach().double().numpy()
        return values.reshape(*values.shape[:2], 2, 2, 3, 2, 3, 2).mean((3, 5, 7)).reshape(*values.shape[:2], -1)

    first, _, _, second = (getattr(layer, "weight", None) for layer in method.project)
    hidden = np.einsum("kc,bcn->bkn", first.detach().double()[:, :, 0, 0, 0], halves(batch.student.features))
    mean, variance = hidden.mean((0, 2), keepdims=True), hidden.var((0, 2), keepdims=True)
    hidden = np.maximum((hidden - mean) / np.sqrt(variance + 1e-5), 0)
    projected = np.einsum("kc,bcn->bkn", second.detach().double()[:, :, 0, 0, 0], hidden)
    divergences = []
    for s, t in zip(projected, halves(batch.teacher.features), strict=True):
        for ours, theirs in zip(s.T, t.T, strict=True):
            q, p = (softmax(memory @ v / np.linalg.norm(v) / 0.1) for v in (ours, theirs))
            divergences.append(rel_entr(p, q).sum())
    assert float(terms["region"].detach()) == pytest.approx(np.mean(divergences), abs=1e-6)


BACKGROUND, LIVER, LESIONS = range(3)


def test_every_tissue_that_a_case_has_is_remembered_apart_with_as_many_voxels():
    method, batch = cirkd(), random_batch(4, regions=3)
    batch.regions[1, 1:] = 0
    method(batch)
    assert [int(queue.pushed) for queue in method.regions] == [4, 4, 3]
    assert [int(queue.pushed) for queue in method.voxels] == [16 * 4, 16 * 4, 16 * 3]


def test_voxels_are_remembered_from_where_the_tissue_is():
    method, batch = cirkd(), random_batch(2, regions=2)
    batch.regions.zero_()
    batch.regions[:, 1, :2, :2, :2] = 1
    method(batch)
    corner = batch.teacher.features.detach()[:, :, :2, :2, :2].mean((2, 3, 4))
    expected = torch.nn.functional.normalize(corner, dim=1)
    torch.testing.assert_close(method.regions[LESIONS].filled(), expected)
    torch.testing.assert_close(method.voxels[LESIONS].filled(), expected.repeat_interleave(16, 0))
    assert not len(method.voxels[LIVER].filled())
    assert len(method.regions[BACKGROUND].filled()) == 2


def test_as_many_voxels_of_each_tissue_are_drawn_however_many_are_remembered():
    method, batch = cirkd(voxel_sample=12, voxel=1.0).eval(), random_batch()
    remembered = torch.eye(16)[:3]
    for tissue, count in enumerate((100, 50, 3)):
        method.voxels[tissue].push(remembered[tissue].expand(count, -1))
    # 12 // 3 + 1 of those that have them.
    memory = remembered[[0] * 5 + [1] * 5 + [2] * 3]
    student, teacher = (halved(output.features) for output in (batch.student, batch.teacher))
    ours, theirs = voxel_vectors(method.project(student)), voxel_vectors(teacher)
    expected = similarity_loss(ours @ memory.T, theirs @ memory.T, 0.1)
    torch.testing.assert_close(method(batch)["voxel"], expected)


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
