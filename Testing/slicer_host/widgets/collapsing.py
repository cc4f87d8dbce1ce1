"""Sections of a panel that fold away."""

from ..pythonqt.bindings import QtCore, QtGui, QtWidgets
from .declaring import stored, widget

HEADER = 24
"""Pixels."""
UNBOUNDED = 16777215
"""Qt's greatest height of a widget."""


def _fold(self) -> None:
    """Hides the children that are visible, or shows them again; hidden ones stay hidden."""
    children = [child for child in self.children() if isinstance(child, QtWidgets.QWidget)]
    if self.collapsed:
        self._folded = [*self.__dict__.get("_folded", []), *(child for child in children if not child.isHidden())]
        for child in self._folded:
            child.hide()
    else:
        for child in self.__dict__.pop("_folded", []):
            child.show()
    self.maximumHeight = HEADER if self.collapsed else UNBOUNDED


@widget
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A header that folds what is below it."""

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, text="", parent=None):
        if not isinstance(text, str):
            text, parent = "", text
        super().__init__(parent)
        self.text = text
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, HEADER, 0, 0)
        self.setMinimumHeight(HEADER)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Preferred)
        self.toggled.connect(self._toggled)

    def _changed(self) -> None:
        self.setChecked(not self.collapsed)
        _fold(self)
        self.contentsCollapsed.emit(self.collapsed)

    collapsed = stored("collapsed", bool, False, _changed)

    def settle(self) -> None:
        """Folds the children that came after it was collapsed, as those in a `.ui` file do."""
        _fold(self)

    def _toggled(self, open_: bool) -> None:
        self.collapsed = not open_

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < HEADER

    def paintEvent(self, event) -> None:
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, HEADER)
        painter.drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, (HEADER - 10) // 2, 10, 10)
        pointing = QtWidgets.QStyle.PE_IndicatorArrowRight if self.collapsed else QtWidgets.QStyle.PE_IndicatorArrowDown
        painter.drawPrimitive(pointing, arrow)
        painter.setPen(self.palette.color(QtGui.QPalette.ButtonText))
        place = QtCore.QRect(22, 0, self.width - 26, HEADER)
        painter.drawText(place, QtCore.Qt.AlignVCenter | QtCore.Qt.TextShowMnemonic, self.text)
        painter.end()


@widget
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group that folds with the tick in its title."""

    def __init__(self, title="", parent=None):
        if not isinstance(title, str):
            title, parent = "", title
        super().__init__(title, parent)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._toggled)

    def _changed(self) -> None:
        self.setChecked(not self.collapsed)
        _fold(self)

    collapsed = stored("collapsed", bool, False, _changed)

    def settle(self) -> None:
        """Folds the children that came after it was collapsed, as those in a `.ui` file do."""
        _fold(self)

    def _toggled(self, open_: bool) -> None:
        self.collapsed = not open_
