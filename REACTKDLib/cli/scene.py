"""The 3D scene of a result, made in a process of its own.

An OpenGL driver that is missing or broken ends a process without a word; the prediction must survive that.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import SimpleITK as sitk

TIMEOUT_S = 300


class SceneExtras:
    """Writes `scene.mrb` and `pictures/*.png` beside a prediction, and returns the pictures for its report."""

    @staticmethod
    def available() -> bool:
        return importlib.util.find_spec("slicer") is not None and importlib.util.find_spec("vtk") is not None

    def __call__(self, prediction, case, folder: Path) -> list:
        from ..inference.drawing import Picture

        with tempfile.TemporaryDirectory() as temporary:
            command = [sys.executable, "-m", "REACTKDLib.scene.export", str(folder)]
            for option, image in (("--ct", case.ct), *((f"--pet-{t}", i) for t, i in case.pet.items())):
                path = Path(temporary) / f"{option.strip('-')}.nrrd"
                sitk.WriteImage(image, str(path))
                command += [option, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        lines = done.stdout.strip().splitlines()
        if done.returncode != 0 or not lines:
            print(f"reactkd: the 3D scene could not be made (exit {done.returncode}).", file=sys.stderr)
            return []
        result = json.loads(lines[-1])
        if reason := result.get("skipped"):
            print(f"reactkd: no 3D pictures: {reason}", file=sys.stderr)
        return [Picture(p["name"], p["caption"], (folder / p["path"]).read_bytes()) for p in result["pictures"]]
