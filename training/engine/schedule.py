"""The learning rate over a training."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def cosine(optimiser: Optimizer, steps: int, warmup: float) -> LambdaLR:
    """Rises linearly over the share `warmup` of all steps, then falls along half a cosine to zero."""
    rising = round(warmup * steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1, steps - rising))))

    return LambdaLR(optimiser, factor)
