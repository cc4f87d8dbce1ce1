"""How the threads of a process behave beside other programs."""

import os


def share_cores() -> None:
    """Lets OpenMP's threads sleep while they wait for one another. Has to be called before torch is imported.

    By default they spin. Where another program, such as Slicer's own rendering, holds one of two cores, a forward pass
    of the student then takes six to sixteen times as long. A policy that the user has set is kept.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
