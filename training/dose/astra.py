"""Forward projection and filtered back-projection by the ASTRA Toolbox, an independent implementation."""

from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from REACTKDLib.imaging.errors import ReactKDError

from .geometry import ParallelBeam


class AstraMissing(ReactKDError):
    """ASTRA was asked for and is not installed."""


class AstraProjector:
    """What `Projector` does, on the CPU, ray by ray: strips as wide as a detector cell, one slice after another.

    It shares nothing with `Projector` but the geometry, and is far slower. Strips average over a cell: the noise of a
    low dose comes out 0.69 times as strong as theory and `Projector` have it.
    """

    device = torch.device("cpu")

    def __init__(self, beam: ParallelBeam):
        """Raises AstraMissing."""
        self._astra = import_astra()
        (columns, rows), (width, height) = beam.size, beam.spacing
        # The axis of rotation is at the centre of pixel (W // 2, H // 2), which is not the volume's.
        left, top = -(columns // 2 + 0.5) * width, -(rows // 2 + 0.5) * height
        window = (left, left + columns * width, top, top + rows * height)
        self._volume = self._astra.create_vol_geom(rows, columns, *window)
        self._scan = self._astra.create_proj_geom("parallel", beam.detector_spacing, beam.detectors, beam.angles)

    def project(self, slices: Tensor) -> Tensor:
        """As `Projector.project`."""
        return torch.stack([self._run("FP", "Volume", one.flip(0)) for one in slices])

    def filtered_back_project(self, sinograms: Tensor) -> Tensor:
        """As `Projector.filtered_back_project`; between detector cells as the strips overlap."""
        return torch.stack([self._run("FBP", "Reconstruction", one).flip(0) for one in sinograms])

    def _run(self, algorithm: str, image: str, given: Tensor) -> Tensor:
        """One of ASTRA's algorithms, on a slice whose first row is the topmost, as ASTRA has it, or on a sinogram."""
        astra, values = self._astra, np.ascontiguousarray(given.numpy(), np.float32)
        projects = algorithm == "FP"
        projector = astra.create_projector("strip", self._scan, self._volume)
        slice_id = astra.data2d.create("-vol", self._volume, values if projects else 0)
        sinogram_id = astra.data2d.create("-sino", self._scan, 0 if projects else values)
        settings = {
            "type": algorithm,
            "ProjectorId": projector,
            "ProjectionDataId": sinogram_id,
            f"{image}DataId": slice_id,
        }
        if not projects:
            settings["option"] = {"FilterType": "ram-lak"}
        work = astra.algorithm.create(settings)
        try:
            astra.algorithm.run(work)
            return torch.from_numpy(astra.data2d.get(sinogram_id if projects else slice_id))
        finally:
            astra.algorithm.delete(work)
            astra.data2d.delete([slice_id, sinogram_id])
            astra.projector.delete(projector)


def import_astra() -> ModuleType:
    """Raises AstraMissing where it is not installed, or cannot be loaded."""
    try:
        import astra
    except ImportError as error:
        raise AstraMissing(
            "astra_missing",
            f"The ASTRA Toolbox cannot be loaded: {error}.",
            "Install it with `pip install reactkd[astra]` (GPLv3), or choose the projector fourier.",
        ) from error
    return astra
