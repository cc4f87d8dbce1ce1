import pytest
import torch

from Testing.training.methods.batches import architectures, random_batch
from training.losses.distillation import distillation_loss
from training.methods.kd import LogitDistillation


@pytest.mark.parametrize("temperature", [2.0, 4.0])
def test_it_is_the_weighted_loss_of_the_logits_at_its_temperature(temperature):
    batch = random_batch()
    options = LogitDistillation.Options(temperature=temperature, kd=0.3)
    terms = LogitDistillation(*architectures((4, 6, 6), (4, 6, 6), (16, 16)), options)(batch)
    expected = 0.3 * distillation_loss(batch.student.logits, batch.teacher.logits, temperature)
    torch.testing.assert_close(terms, {"kd": expected})
