"""Runs a script as `Slicer --python-script SCRIPT ...` does: see `command_line`."""

import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from .command_line import CommandLine, parse
from .host import Host, start
from .pythonqt.bindings import QtCore


def main(words: list[str]) -> int:
    """Returns the status of the process."""
    line = parse(words)
    host = start()
    options = host.app.commandOptions()
    options.noMainWindow = True
    options.testingEnabled = line.testing
    options.exitAfterStartup = line.exit_after_startup
    sys.argv = [line.script, *line.arguments]
    for folder in line.module_paths:
        for path in sorted(Path(folder).glob("*.py")):
            host.app.moduleManager().load(str(path))
    QtCore.QTimer.singleShot(0, host.app.startupCompleted.emit)
    QtCore.QTimer.singleShot(0, lambda: _run(host, line))
    return host.app.exec()


def _run(host: Host, line: CommandLine) -> None:
    options = host.app.commandOptions()
    options.runPythonAndExit = line.testing
    failed = False
    if os.path.exists(line.script):
        failed = _execute(host, line.script)
    else:
        sys.stderr.write(f"Specified python script doesn't exist: {line.script}\n")
    # Scripts that exit by themselves have taken back the first.
    if options.runPythonAndExit or options.exitAfterStartup:
        host.app.exit(int(failed))


def _execute(host: Host, script: str) -> bool:
    """Whether it raised something."""
    folder = os.path.dirname(os.path.abspath(script))
    sys.path.insert(0, folder)
    main_module = sys.modules["__main__"] = ModuleType("__main__")
    main_module.__file__ = script
    try:
        with open(script, encoding="utf-8") as file:
            exec(compile(file.read(), script, "exec"), vars(main_module))
    except SystemExit as end:
        host.app.commandOptions().runPythonAndExit = host.app.commandOptions().exitAfterStartup = False
        host.app.exit(_status(end.code))
    except BaseException:
        traceback.print_exc()
        return True
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    return False


def _status(code) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    sys.stderr.write(f"{code}\n")
    return 1


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Qt and VTK take each other's objects apart in an order that neither expects.
    os._exit(status)
