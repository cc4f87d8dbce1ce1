"""PySide6 under the rules of PythonQt, which is what Python in Slicer talks to Qt through."""
