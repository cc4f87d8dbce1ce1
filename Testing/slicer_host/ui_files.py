"""Loads `.ui` files as Slicer does, and is stricter: what it does not know is an error, not a plain widget."""

from xml.etree import ElementTree

from .pythonqt.bindings import QtCore, QtUiTools, QtWidgets
from .widgets import WIDGETS

LAYOUT_ITEMS = {"Line"}
"""Designer's name for a frame."""


class UiLoader(QtUiTools.QUiLoader):
    """Raises ValueError, naming it, at a class or property that is neither Qt's nor one of `WIDGETS`."""

    def __init__(self, parent=None):
        super().__init__(parent)
        for cls in WIDGETS.values():
            self.registerCustomWidget(cls)

    def load(self, file: QtCore.QIODevice, parent=None) -> QtWidgets.QWidget:
        tree = ElementTree.fromstring(bytes(file.readAll().data()))
        elements = tree.findall(".//widget")
        _check(elements)
        enumerations = [_take_enumerations(element) for element in elements]
        connections = [[part.text for part in found[:4]] for found in tree.iter("connection")]
        # Qt would look for signals and slots in C++, where those of our widgets are not.
        for section in tree.findall("connections"):
            tree.remove(section)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree))
        buffer.open(QtCore.QBuffer.ReadOnly)
        root = super().load(buffer, parent)
        widgets = {widget.objectName: widget for widget in (root, *root.findChildren(QtCore.QObject))}
        for element, values in zip(elements, enumerations, strict=True):
            for name, value in values.items():
                setattr(widgets[element.get("name")], name, value)
        for sender, signal, receiver, slot in connections:
            widgets[sender].connect(signal, widgets[receiver], slot)
        for widget in widgets.values():
            if hasattr(widget, "settle"):
                widget.settle()
        # Without a reference, PySide6 forgets what Python knows of a widget, its connections among it.
        root.__dict__["_widgets"] = widgets
        return root


def _check(elements: list[ElementTree.Element]) -> None:
    for element in elements:
        name = element.get("class")
        cls = WIDGETS.get(name) or getattr(QtWidgets, name, None)
        if cls is None and name not in LAYOUT_ITEMS:
            raise ValueError(f"widget {element.get('name')}: class {name} is unknown to the host")
        for found in element.findall("property"):
            known = cls is None or cls.staticMetaObject.indexOfProperty(found.get("name")) >= 0
            if not known and found.get("stdset") != "0":
                raise ValueError(f"widget {element.get('name')}: {name} has no property {found.get('name')}")


def _take_enumerations(element: ElementTree.Element) -> dict[str, int]:
    """Values such as ctkPathLineEdit::Files|ctkPathLineEdit::Readable, which Qt can read for classes of C++ only."""
    if element.get("class") not in WIDGETS:
        return {}
    cls = WIDGETS[element.get("class")]
    values = {}
    for found in element.findall("property"):
        text = found.findtext("set") or found.findtext("enum")
        if text and text.startswith(f"{cls.__name__}::"):
            values[found.get("name")] = sum(getattr(cls, part.rpartition("::")[2]) for part in text.split("|"))
            element.remove(found)
    return values
