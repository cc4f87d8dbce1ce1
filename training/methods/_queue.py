"""What was seen lately."""

import torch
from torch import Tensor, nn


class Queue(nn.Module):
    """The last `size` rows pushed; saved with the method, so that a resumed run remembers the same."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.register_buffer("rows", torch.zeros(size, width))
        self.register_buffer("pushed", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, rows: Tensor) -> None:
        """rows: (n, width); the oldest make room."""
        size = len(self.rows)
        places = (int(self.pushed) + torch.arange(len(rows), device=rows.device)) % size
        self.rows[places[-size:]] = rows[-size:].to(self.rows)
        self.pushed += len(rows)

    def filled(self) -> Tensor:
        """(min(pushed, size), width), in no particular order."""
        return self.rows[: int(self.pushed)].clone()
