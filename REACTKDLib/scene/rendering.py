"""Whether anything can be rendered here."""

import re
import subprocess
import sys
from functools import cache

import slicer

PROBE = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(16, 16)
renderer = vtkRenderer()
renderer.SetBackground(1, 0, 0)
window.AddRenderer(renderer)
window.Render()
pixels = vtkUnsignedCharArray()
window.GetPixelData(0, 0, 15, 15, 0, pixels, 0)
raise SystemExit(0 if pixels.GetTuple3(0) == (255.0, 0.0, 0.0) else 3)
"""
TIMEOUT_S = 60


def can_render() -> tuple[bool, str]:
    """Whether offscreen rendering works, and if not, why."""
    return (True, "") if _application_renders() else try_rendering()


@cache
def try_rendering() -> tuple[bool, str]:
    """Likewise, by a test picture.

    Made in another process: without an OpenGL library, rendering does not fail but crashes.
    """
    try:
        probe = subprocess.run(
            [sys.executable, "-c", PROBE],
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            # On Windows a console would flash up.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        return False, f"Nothing can be rendered here: a test picture was not finished after {TIMEOUT_S} s."
    if probe.returncode:
        # VTK's log lines are coloured, and begin with time, thread and file.
        lines = re.sub(r"\x1b\[[\d;]*m", "", probe.stderr.decode(errors="replace")).split("\n")
        last = next((line.rpartition("| ")[2].strip() for line in reversed(lines) if line.strip()), "no message")
        hint = "Install an OpenGL library (EGL or OSMesa; on Debian libegl1 and libgl1-mesa-dri)."
        return False, f"Nothing can be rendered here: exit status {probe.returncode} of a test picture ({last}). {hint}"
    return True, ""


def _application_renders() -> bool:
    """A 3D view that is there needs no test picture, which can take a minute."""
    layout = slicer.app.layoutManager() if hasattr(slicer, "app") else None
    return layout is not None and layout.threeDViewCount > 0
