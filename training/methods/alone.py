"""The student alone: the control of every comparison."""

from torch import Tensor

from .method import DistillBatch, Method


class Alone(Method):
    """Adds nothing to L_cls. With and without modality dropout it makes two controls."""

    title = "Student alone"
    needs_teacher = False

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        return {}
