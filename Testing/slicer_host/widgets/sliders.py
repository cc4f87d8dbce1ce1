"""A slider with a number beside it."""

from ..pythonqt.bindings import QtCore, QtWidgets
from .declaring import passed_on, widget

MAXIMUM_STEPS = 10_000


class SliderWithNumber(QtWidgets.QWidget):
    """The number is the value: it knows the range and the decimals. The slider counts steps."""

    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._number = QtWidgets.QDoubleSpinBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._number)
        self._slider.valueChanged.connect(self._slid)
        self._number.valueChanged.connect(self._entered)

    decimals = passed_on("_number", "decimals", int)
    prefix = passed_on("_number", "prefix", str)
    suffix = passed_on("_number", "suffix", str)
    value = passed_on("_number", "value", float)
    tracking = passed_on("_slider", "tracking", bool)
    minimum = passed_on("_number", "minimum", float)
    maximum = passed_on("_number", "maximum", float)
    singleStep = passed_on("_number", "singleStep", float)

    def setRange(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def showEvent(self, event) -> None:
        """A range may have been set that the value did not change with."""
        self._move_slider()
        super().showEvent(event)

    def _slid(self, position: int) -> None:
        self._number.value = self.minimum + (self.maximum - self.minimum) * position / self._slider.maximum

    def _entered(self, value: float) -> None:
        self._move_slider()
        self.valueIsChanging.emit(value)
        self.valueChanged.emit(value)

    def _move_slider(self) -> None:
        span = self.maximum - self.minimum
        self._slider.blockSignals(True)
        self._slider.maximum = max(1, min(MAXIMUM_STEPS, round(span / (self.singleStep or 1))))
        self._slider.value = round((self.value - self.minimum) / span * self._slider.maximum) if span else 0
        self._slider.blockSignals(False)


@widget
class ctkSliderWidget(SliderWithNumber):
    pass


@widget
class qMRMLSliderWidget(SliderWithNumber):
    """Its quantity and unit are those of the scene in Slicer; here, none."""

    def setMRMLScene(self, scene) -> None:
        self._scene = scene

    def mrmlScene(self):
        return self.__dict__.get("_scene")


@widget
class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    pass
