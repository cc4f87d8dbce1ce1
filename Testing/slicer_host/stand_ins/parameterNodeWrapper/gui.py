"""Which widget can show which parameter, by which property, and which signal tells of a change."""

import pathlib
from dataclasses import dataclass

import ctk
import qt
import slicer

from .annotations import Choice, Maximum, Minimum, WithinRange
from .parameter import Parameter, is_node

NUMBERS = (qt.QDoubleSpinBox, ctk.ctkDoubleSpinBox, ctk.ctkSliderWidget, slicer.qMRMLSliderWidget)
SLIDERS = (qt.QSlider, ctk.ctkSliderWidget, slicer.qMRMLSliderWidget)
BINDINGS = (
    ((qt.QCheckBox, qt.QPushButton), (bool,), "checked", "toggled(bool)"),
    ((qt.QSlider, qt.QSpinBox), (int,), "value", "valueChanged(int)"),
    (NUMBERS, (int, float), "value", "valueChanged(double)"),
    ((qt.QComboBox, ctk.ctkComboBox), (str, int, float, bool), "currentIndex", "currentIndexChanged(int)"),
    ((qt.QLineEdit,), (str,), "text", "textChanged(QString)"),
    ((qt.QTextEdit, qt.QPlainTextEdit), (str,), "plainText", "textChanged()"),
    ((ctk.ctkPathLineEdit,), (pathlib.PurePath,), "currentPath", "currentPathChanged(QString)"),
    ((ctk.ctkDirectoryButton,), (pathlib.PurePath,), "directory", "directoryChanged(QString)"),
)


@dataclass(frozen=True)
class Connector:
    """A widget that shows a parameter. choices: of a combo box."""

    widget: object
    parameter: Parameter
    attribute: str
    signal: str
    choices: tuple = ()

    def read(self):
        value = getattr(self.widget, self.attribute)
        if self.choices:
            return self.choices[value]
        return value() if is_node(self.parameter.kind) else self.parameter.kind(value)

    def write(self, value) -> None:
        if is_node(self.parameter.kind):
            self.widget.setCurrentNode(value)
        elif self.choices:
            self.widget.currentIndex = self.choices.index(value)
        else:
            value = str(value) if isinstance(value, pathlib.PurePath) else value
            # Writing a text that is there already would move the cursor of who types it.
            if getattr(self.widget, self.attribute) != value:
                setattr(self.widget, self.attribute, value)


def connector_of(widget, parameter: Parameter) -> Connector:
    """Prepares the widget for the parameter. RuntimeError: it cannot show it."""
    if type(widget) is slicer.qMRMLNodeComboBox and is_node(parameter.kind):
        widget.nodeTypes = [parameter.kind.__name__]
        return Connector(widget, parameter, "currentNode", "currentNodeChanged(vtkMRMLNode*)")
    for widgets, kinds, attribute, signal in BINDINGS:
        if type(widget) in widgets and issubclass(parameter.kind, kinds):
            choices = ()
            if attribute == "currentIndex":
                choices = _fill(widget, parameter)
            elif attribute == "value":
                _bound(widget, parameter)
            return Connector(widget, parameter, attribute, signal, choices)
    raise RuntimeError(f"a {type(widget).__name__} cannot show {parameter.name}, a {parameter.declared}")


def _fill(widget, parameter: Parameter) -> tuple:
    choices = [validator.choices for validator in parameter.validators if isinstance(validator, Choice)]
    if not choices:
        raise RuntimeError(f"{parameter.name} needs the annotation Choice to be shown in a combo box")
    widget.clear()
    widget.addItems([str(choice) for choice in choices[0]])
    return tuple(choices[0])


def _bound(widget, parameter: Parameter) -> None:
    bounds = {}
    for validator in parameter.validators:
        if isinstance(validator, WithinRange | Minimum):
            bounds["minimum"] = validator.minimum
        if isinstance(validator, WithinRange | Maximum):
            bounds["maximum"] = validator.maximum
    if type(widget) in SLIDERS and len(bounds) < 2:
        raise RuntimeError(f"{parameter.name} needs the annotation WithinRange to be shown in a slider")
    if parameter.kind is int and hasattr(widget, "decimals"):
        widget.decimals = 0
    widest = (-(2**31), 2**31 - 1) if type(widget) is qt.QSpinBox else (float("-inf"), float("inf"))
    widget.minimum = bounds.get("minimum", widest[0])
    widget.maximum = bounds.get("maximum", widest[1])
