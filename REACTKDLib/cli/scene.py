"""The 3D scene of a result, made in a process of its own.

An OpenGL driver that is missing or broken ends a process without a word; the prediction must survive that.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import SimpleITK as sitk

TIMEOUT_S = 300
VIEW = "3d"
"""The picture that goes into the report, which draws slices itself."""


class SceneExtras:
    """Writes `scene.mrb` and `pictures/*.png` beside a prediction, and returns what its report has not: the 3D view."""

    @staticmethod
    def available() -> bool:
        return importlib.util.find_spec("slicer") is not None and importlib.util.find_spec("vtk") is not None

    def __call__(self, prediction, case, folder: Path) -> list:
        from ..inference.drawing import Picture

        try:
            with tempfile.TemporaryDirectory() as temporary:
                made = Path(temporary) / "made"
                made.mkdir()
                command = [sys.executable, "-m", "REACTKDLib.scene.export", str(folder), "--out", str(made)]
                for option, image in (("--ct", case.ct), *((f"--pet-{t}", i) for t, i in case.pet.items())):
                    path = Path(temporary) / f"{option.strip('-')}.nrrd"
                    sitk.WriteImage(image, str(path))
                    command += [option, str(path)]
                result = _run(command)
                if "error" not in result:
                    views = [
                        Picture(picture["name"], picture["caption"], Path(picture["path"]).read_bytes())
                        for picture in result["pictures"]
                        if picture["name"] == VIEW
                    ]
                    shutil.copytree(made, folder, dirs_exist_ok=True)
        except (OSError, RuntimeError) as error:
            result = {"error": str(error).strip().splitlines()[-1]}
        if "error" in result:
            print(f"reactkd: the 3D scene could not be made: {result['error']}", file=sys.stderr)
            return []
        if result["skipped"]:
            print(f"reactkd: no 3D pictures: {result['skipped']}", file=sys.stderr)
        return views


def _run(command: list[str]) -> dict:
    """What the scene's process says of its work: the JSON of its last line, or an `error` where it said nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        result = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"it took longer than {TIMEOUT_S} s"}
    except (IndexError, ValueError):
        return {"error": f"its process ended with status {done.returncode}"}
    return {**result, "error": result["error"]["message"]} if "error" in result else result
