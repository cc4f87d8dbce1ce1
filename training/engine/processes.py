"""The processes that torchrun started, before the first training joins them."""

import os
from datetime import timedelta

KEY = "reactkd_prepared"
PATIENCE = timedelta(days=7)
"""Preprocessing a cohort takes longer than the half hour after which a barrier gives up."""


def process_count() -> int:
    """That train each network together; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_first_process() -> bool:
    """Whether this process prepares and reports; true without torchrun."""
    return int(os.environ.get("RANK", 0)) == 0


def wait_for_first() -> None:
    """The first process says, once, that it has come here; the others wait until it has.

    Through torchrun's own store: a process group would have to be opened again for the trainings' device.
    """
    if process_count() == 1:
        return
    from torch import distributed

    store, _, _ = next(distributed.rendezvous("env://"))
    if is_first_process():
        store.set(KEY, "yes")
    else:
        store.wait([KEY], PATIENCE)
