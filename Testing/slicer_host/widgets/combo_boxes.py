"""Boxes of CTK that add little to Qt's."""

from ..pythonqt.bindings import QtWidgets
from .declaring import stored, widget


@widget
class ctkComboBox(QtWidgets.QComboBox):
    """Says something while nothing is chosen."""

    def _changed(self) -> None:
        self.placeholderText = self.defaultText

    defaultText = stored("defaultText", str, "", _changed)


@widget
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message that one may ask not to see again."""

    dontShowAgainVisible = stored("dontShowAgainVisible", bool, False)
    dontShowAgain = stored("dontShowAgain", bool, False)
    dontShowAgainSettingsKey = stored("dontShowAgainSettingsKey", str, "")
