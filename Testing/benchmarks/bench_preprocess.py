"""From files to network input."""

from dataclasses import asdict

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from REACTKDLib.imaging.preprocess import preprocess
from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.inference.run import CaseFiles
from Testing.benchmarks.cases import clinical_case, ct_megabytes
from Testing.benchmarks.common import Row, in_fresh_process, measure, peak_memory_mb

SPEC = PreprocessingSpec()


def rows() -> list[Row]:
    files = clinical_case()
    (ours, idle_mb), peak = in_fresh_process(ours_seconds, files)
    gunzip, _ = in_fresh_process(gunzip_seconds, files)
    baseline, _ = in_fresh_process(plain_seconds, files)
    return [
        Row(
            "preprocess from nii.gz, 512x512x148 CT + PET + 2 masks",
            ours,
            "whole volumes, step by step",
            baseline,
            f"of ours, {gunzip / ours:.0%} is reading and gunzip; peak {(peak - idle_mb) / ct_megabytes():.1f} x the "
            f"CT's raw size above the {idle_mb:.0f} MB of the imported libraries. The baseline is written out here: "
            "scipy cleans every mask on the whole volume, PET comes onto the whole CT, each step is a whole volume's",
            peak_mb=peak,
        )
    ]


def ours_seconds(files: CaseFiles) -> tuple[float, float]:
    """Seconds, and the memory before the first case."""
    idle = peak_memory_mb()
    return measure(lambda: preprocess(files.read(), SPEC), repeats=7, warmup=1), idle


def gunzip_seconds(files: CaseFiles) -> float:
    """Of reading the images alone."""
    paths = [str(path) for path in asdict(files).values() if path is not None and str(path).endswith(".gz")]
    return measure(lambda: [sitk.ReadImage(path) for path in paths], repeats=5, warmup=1)


def plain_seconds(files: CaseFiles) -> float:
    return measure(lambda: plain_preprocess(files), repeats=3, warmup=0)


def plain_preprocess(files: CaseFiles) -> np.ndarray:
    """The same input as it is usually written: clean, normalise and resample whole volumes, one after the other."""

    def read(path) -> sitk.Image:
        return sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkFloat64)

    def largest(mask: np.ndarray) -> np.ndarray:
        labels, count = ndimage.label(mask)
        return labels == 1 + np.argmax(ndimage.sum(mask, labels, range(1, count + 1)))

    ct = read(files.ct)
    liver = ndimage.binary_closing(largest(sitk.GetArrayFromImage(read(files.liver)) > 0), iterations=2)
    tumor = ndimage.binary_closing(sitk.GetArrayFromImage(read(files.tumor)) > 0, iterations=1)
    ndimage.label(tumor, structure=np.ones((3, 3, 3)))
    streams = []
    for path in (files.ct, files.pet_fdg):
        volume = read(path)
        if path != files.ct:
            volume = sitk.Resample(volume, ct, sitk.Transform(), sitk.sitkLinear)
        values = sitk.GetArrayFromImage(volume)
        low, high = (-160, 240) if path == files.ct else np.percentile(values, (1, 99))
        scaled = (np.clip(values, low, high) - low) / (high - low)
        normalised = (scaled - scaled.mean()) / scaled.std()
        for channel in (normalised, normalised * liver, scaled * tumor):
            zoom = np.array(SPEC.grid) / channel.shape
            streams.append(ndimage.zoom(channel, zoom, order=1))
    return np.stack(streams).astype(np.float32)
