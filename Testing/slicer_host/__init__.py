"""A host in which the Slicer module runs without the application: slicer-core for the scene, PySide6 for Qt.

    host = start()
    host.load_module("REACTKD/REACTKD.py")
    host.enter("REACTKD")

It is strict where the application is: a property that does not exist, a signal with another signature and a widget
that no class stands for are errors. Where `SLICER_PY` names the folder Base/Python of Slicer's sources, its base
classes and parameter nodes are used, otherwise stand-ins of them.
"""

from .host import Host, start

__all__ = ["Host", "start"]
