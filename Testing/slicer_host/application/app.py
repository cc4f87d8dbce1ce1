"""`slicer.app`."""

import sys
from dataclasses import dataclass
from pathlib import Path

from REACTKDLib.scene.standalone import Standalone

from ..pythonqt.attributes import native
from ..pythonqt.bindings import QtCore, QtWidgets
from .files import FileManager
from .layout_manager import LayoutManager
from .module_manager import ModuleManager

VERSION = (5, 12, 4)
"""That of slicer-core, which the host stands on."""


@dataclass
class CommandOptions:
    """How the application was started."""

    noMainWindow: bool = True
    testingEnabled: bool = False
    runPythonAndExit: bool = False
    exitAfterStartup: bool = False


@native
class Application(QtWidgets.QApplication):
    """One a process. Its settings are a file in a temporary folder."""

    startupCompleted = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)

    majorVersion, minorVersion, patchVersion = VERSION
    applicationVersion = ".".join(map(str, VERSION))
    releaseType = "Stable"
    documentationBaseUrl = "https://slicer.readthedocs.io/"
    os = {"linux": "linux", "darwin": "macosx", "win32": "win"}[sys.platform]

    def __init__(self, standalone: Standalone):
        super().__init__(["Slicer"])
        self.setOrganizationName("NA-MIC")
        self.setApplicationName("Slicer")
        self._standalone = standalone
        folder = Path(standalone.temporary.name)
        (folder / "application").mkdir(exist_ok=True)
        self._temporary = str(folder / "application")
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
        QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, QtCore.QSettings.UserScope, str(folder / "settings"))
        self._settings = QtCore.QSettings()
        self._options = CommandOptions()
        self._modules = ModuleManager()
        self._files = FileManager()
        self._layout = LayoutManager(standalone)
        self._exit_status = None
        self._restarts = 0

    @property
    def slicerHome(self) -> str:
        return self._standalone.temporary.name

    @property
    def temporaryPath(self) -> str:
        return self._temporary

    @property
    def slicerUserSettingsFilePath(self) -> str:
        return self._settings.fileName()

    def applicationLogic(self):
        return self._standalone.application_logic

    def mrmlScene(self):
        return self._standalone.scene

    def layoutManager(self) -> LayoutManager:
        return self._layout

    def moduleManager(self) -> ModuleManager:
        return self._modules

    def coreIOManager(self) -> FileManager:
        return self._files

    ioManager = coreIOManager

    def settings(self) -> QtCore.QSettings:
        return self._settings

    userSettings = revisionUserSettings = settings

    def commandOptions(self) -> CommandOptions:
        return self._options

    def testingEnabled(self) -> bool:
        return self._options.testingEnabled

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def pauseRender(self) -> None:
        """Nothing is drawn here before someone asks for it."""

    resumeRender = pauseRender

    def exit(self, status: int = 0) -> None:
        """Ends the event loop, if one runs; until then, a later status counts."""
        self._exit_status = status
        QtCore.QCoreApplication.exit(status)

    def quit(self) -> None:
        self.exit(0)

    def restart(self) -> None:
        """The host cannot: it counts how often it was asked to."""
        self._restarts += 1

    def restarts(self) -> int:
        return self._restarts

    def exitStatus(self) -> int | None:
        """What `exit` was last called with: None if it was not."""
        return self._exit_status

    def forgetExit(self) -> None:
        self._exit_status = None
        self._restarts = 0
