"""Widgets to choose a file or folder with."""

import os

from ..pythonqt.bindings import QtCore, QtWidgets
from .declaring import stored, widget


@widget
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path, typed, dropped or browsed for."""

    Dirs, Files, Drives, NoSymLinks = 1, 2, 4, 8
    Readable, Writable, Executable, Modified, Hidden = 16, 32, 64, 128, 256
    NoDot, NoDotDot = 0x2000, 0x4000

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._line = QtWidgets.QLineEdit()
        self._browse = QtWidgets.QToolButton()
        self._browse.text = "..."
        self.setFocusProxy(self._line)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._line, 1)
        layout.addWidget(self._browse)
        self._line.textChanged.connect(self._typed)
        self._browse.clicked.connect(self.browse)

    def _shown(self) -> None:
        self._browse.visible = self.showBrowseButton

    filters = stored("filters", int, Files | Readable)
    nameFilters = stored("nameFilters", list, [])
    settingKey = stored("settingKey", str, "")
    label = stored("label", str, "")
    showHistoryButton = stored("showHistoryButton", bool, True)
    showBrowseButton = stored("showBrowseButton", bool, True, _shown)

    def _read(self) -> str:
        return self._line.text

    def _write(self, path: str) -> None:
        self._line.text = path

    currentPath = QtCore.Property(str, _read, _write)

    def _typed(self, path: str) -> None:
        self.currentPathChanged.emit(path)
        self.validInputChanged.emit(os.path.exists(path))

    def addCurrentPathToHistory(self) -> None:
        """History is what the application keeps between its sessions."""

    def browse(self) -> None:
        if self.filters & self.Dirs and not self.filters & self.Files:
            path = QtWidgets.QFileDialog.getExistingDirectory(self, self.label, self.currentPath)
        else:
            filters = ";;".join(self.nameFilters)
            path = QtWidgets.QFileDialog.getOpenFileName(self, self.label, self.currentPath, filters)
        if path:
            self.currentPath = path


@widget
class ctkDirectoryButton(QtWidgets.QPushButton):
    """A folder, on a button that asks for another. Always absolute; empty is the working folder."""

    directoryChanged = QtCore.Signal(str)
    directorySelected = QtCore.Signal(str)

    def __init__(self, *arguments):
        parents = [argument for argument in arguments if isinstance(argument, QtWidgets.QWidget)]
        super().__init__(*parents)
        self.clicked.connect(self.browse)
        for argument in arguments:
            if isinstance(argument, str):
                self.directory = argument
        self.text = self.directory

    caption = stored("caption", str, "")

    def _read(self) -> str:
        return self.__dict__.get("_directory") or os.getcwd()

    def _write(self, directory: str) -> None:
        before = self.directory
        self._directory = os.path.abspath(directory)
        if self._directory != before:
            self.text = self._directory
            self.directorySelected.emit(self._directory)
            self.directoryChanged.emit(self._directory)

    directory = QtCore.Property(str, _read, _write)

    def browse(self) -> None:
        directory = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption, self.directory)
        if directory:
            self.directory = directory
