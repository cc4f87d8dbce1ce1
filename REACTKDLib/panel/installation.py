"""Runs the steps of an installation or a removal one after the other, without ever blocking the window."""

from collections.abc import Callable, Sequence

import qt
from slicer.i18n import tr as _

from ..imaging.errors import ReactKDError
from ..setup.errors import SetupError
from ..setup.import_test import ImportTest, import_test_arguments, read_import_test
from ..setup.plan import Step
from .worker_process import Lines, end_process, forget_process, python_executable, python_process


class PythonRun:
    """One call of Slicer's Python. ended: called with exit status, stdout and stderr; line: with every line of both."""

    def __init__(self, arguments: Sequence[str], line: Callable[[str], None], ended: Callable[[int, str, str], None]):
        self._line, self._ended = line, ended
        self._output: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._pieces = {"stdout": Lines(), "stderr": Lines()}
        self._over = False
        self._process = python_process()
        self._process.connect("readyReadStandardOutput()", self._read)
        self._process.connect("readyReadStandardError()", self._read)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        self._process.start(python_executable(), list(arguments))

    def kill(self) -> None:
        """No callback comes any more."""
        if not self._over:
            self._over = True
            end_process(self._process)

    def _read(self) -> None:
        for channel, read in (
            ("stdout", self._process.readAllStandardOutput),
            ("stderr", self._process.readAllStandardError),
        ):
            for line in self._pieces[channel].feed(read().data()):
                self._output[channel].append(line)
                self._line(line)

    def _finished(self, status: int, _how: int) -> None:
        self._read()
        forget_process(self._process)
        self._end(status)

    def _failed(self, error: int) -> None:
        if error == qt.QProcess.FailedToStart:
            self._output["stderr"].append(_("Slicer's Python could not be started."))
            forget_process(self._process)
            self._end(-1)

    def _end(self, status: int) -> None:
        if not self._over:
            self._over = True
            self._ended(status, "\n".join(self._output["stdout"]), "\n".join(self._output["stderr"]))


class Installation:
    """Steps, then a test in a process of its own: success is what that test says, nothing else.

    began: called with a step's label and the fraction of steps done. line: with what pip prints.
    ended: called once, with the test's result (None where no test was asked for) or an error.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        test_device: str | None,
        began: Callable[[str, float], None],
        line: Callable[[str], None],
        ended: Callable[[ImportTest | None, ReactKDError | None], None],
    ):
        self._steps, self._test_device = list(steps), test_device
        self._began, self._line, self._ended = began, line, ended
        self._index = 0
        self._run: PythonRun | None = None
        self._cancelled = False

    def start(self) -> None:
        if self._index < len(self._steps):
            step = self._steps[self._index]
            self._began(step.label, self._index / (len(self._steps) + 1))
            if step.kind == "pytorch_extension":
                self._install_torch(step)
            else:
                self._run = PythonRun(step.arguments, self._line, self._step_ended)
        elif self._test_device is not None:
            self._began(_("Everything is tried out"), len(self._steps) / (len(self._steps) + 1))
            self._run = PythonRun(import_test_arguments(self._test_device), self._line, self._tested)
        else:
            self._ended(None, None)

    def cancel(self) -> None:
        """Ends the step that runs, or lets it be the last: the PyTorch extension's cannot be ended from outside.

        What earlier steps installed stays. No callback comes any more.
        """
        self._cancelled = True
        if self._run is not None:
            self._run.kill()

    def _next(self) -> None:
        self._index += 1
        self.start()

    def _install_torch(self, step: Step) -> None:
        # It blocks, and shows a progress of its own: torch is installed by Slicer's extension only, which knows which
        # build fits the machine.
        try:
            import PyTorchUtils
        except ImportError:
            hint = _("Install the extension PyTorch from the Extensions Manager, restart Slicer and come back.")
            self._ended(None, SetupError("no_pytorch_extension", _("torch comes through the PyTorch extension."), hint))
            return
        try:
            found = PyTorchUtils.PyTorchUtilsLogic().installTorch(
                askConfirmation=False, torchVersionRequirement=step.wanted
            )
        except Exception as error:  # whatever goes wrong inside another extension
            self._torch_not_installed(_reason(str(error)))
            return
        if found is None:
            self._torch_not_installed(_("it gave no reason"))
            return
        # It handles events meanwhile, the click on Cancel among them.
        if not self._cancelled:
            self._next()

    def _torch_not_installed(self, reason: str) -> None:
        if self._cancelled:
            return
        message = _("The PyTorch extension did not install torch: {reason}.").format(reason=reason.rstrip("."))
        hint = _("Save your work and restart Slicer, then try again.")
        self._ended(None, SetupError("torch_not_installed", message, hint))

    def _step_ended(self, status: int, stdout: str, stderr: str) -> None:
        if status == 0:
            self._next()
            return
        step = self._steps[self._index]
        message = _("{label}: did not work. {reason}").format(label=step.label, reason=_reason(stderr or stdout))
        hint = _("Check the network and the disk, then try again; Copy diagnostics gathers what pip said.")
        self._ended(None, SetupError("step_failed", message, hint))

    def _tested(self, status: int, stdout: str, stderr: str) -> None:
        try:
            self._ended(read_import_test(stdout, stderr, status), None)
        except ReactKDError as error:
            self._ended(None, error)


def _reason(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")]
    return (errors or lines or [_("It gave no reason.")])[-1]
