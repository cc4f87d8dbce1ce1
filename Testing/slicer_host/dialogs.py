"""Dialogs that answer at once. What they would have said, and what a person would have done, are lists."""

import logging
from dataclasses import dataclass, field

import slicer

from .pythonqt.bindings import QtGui, QtWidgets

Buttons = QtWidgets.QMessageBox
YES = (Buttons.Ok, Buttons.Yes, Buttons.Retry, Buttons.Open, Buttons.Save, Buttons.Apply)
NO = (Buttons.Cancel, Buttons.No, Buttons.Close, Buttons.Abort, Buttons.Discard, Buttons.Ignore)
KINDS = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
ICONS = {
    Buttons.Information: "info",
    Buttons.Warning: "warning",
    Buttons.Critical: "error",
    Buttons.Question: "question",
}


@dataclass
class Answers:
    """What was shown, and the answers to come.

    messages: (kind, text) of each, kind one of info, warning, error, question, message, dialog, file.
    answers: of the questions to come, True or False, or a button of `QMessageBox`; yes when it is empty.
    chosen_paths: of the file dialogs to come; cancelled when it is empty.
    opened: addresses that were given to the desktop.
    """

    messages: list[tuple[str, str]] = field(default_factory=list)
    answers: list[bool | int] = field(default_factory=list)
    chosen_paths: list = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    def clear(self) -> None:
        for values in (self.messages, self.answers, self.chosen_paths, self.opened):
            values.clear()

    def ask(self, kind: str, text: str, buttons: int = Buttons.Ok) -> int:
        """The button that is pressed, of those offered."""
        self.messages.append((kind, text))
        answer = self.answers.pop(0) if self.answers else True
        if not isinstance(answer, bool):
            return answer
        offered = [button for button in (YES if answer else NO) if button & buttons]
        return offered[0] if offered else Buttons.Ok

    def choose(self, caption: str) -> str:
        self.messages.append(("file", caption))
        return str(self.chosen_paths.pop(0)) if self.chosen_paths else ""

    def choose_several(self, caption: str) -> list[str]:
        self.messages.append(("file", caption))
        return [str(path) for path in self.chosen_paths.pop(0)] if self.chosen_paths else []


def answer_dialogs(answers: Answers) -> None:
    """Puts the answers in place of everything that would wait for a person."""
    _answer_messages(answers)
    _answer_file_dialogs(answers)

    def run_dialog(self):
        answers.messages.append(("dialog", self.windowTitle))
        accepted = answers.answers.pop(0) if answers.answers else True
        self.done(int(accepted))
        return int(accepted)

    def run_message_box(self):
        text = self.text + (f"\n{self.informativeText}" if self.informativeText else "")
        return answers.ask(ICONS.get(self.icon, "message"), text, int(self.standardButtons) or Buttons.Ok)

    def open_address(address):
        answers.opened.append(address.toString())
        return True

    for cls, run in ((QtWidgets.QDialog, run_dialog), (Buttons, run_message_box)):
        cls.exec = cls.exec_ = run
    QtWidgets.QMenu.exec = QtWidgets.QMenu.exec_ = lambda self, *place: None
    QtGui.QDesktopServices.openUrl = staticmethod(open_address)


def _answer_messages(answers: Answers) -> None:
    def static(kind: str, buttons: int):
        def show(parent, title, text, offered=buttons, default=None):
            return answers.ask(kind, text, int(offered))

        return staticmethod(show)

    Buttons.information = static("info", Buttons.Ok)
    Buttons.warning = static("warning", Buttons.Ok)
    Buttons.critical = static("error", Buttons.Ok)
    Buttons.question = static("question", Buttons.Yes | Buttons.No)

    def display(level, text, testing_answer, mainWindowNeeded=False, parent=None, windowTitle=None, **options):
        logging.log(level, text)
        kind = "question" if options.get("icon") == Buttons.Question else KINDS[level]
        if slicer.app.testingEnabled():
            answers.messages.append((kind, text))
            return testing_answer
        return answers.ask(kind, text, int(options.get("standardButtons", Buttons.Ok)))

    def message_box(text, parent=None, standardButtons=Buttons.Ok, **options):
        return answers.ask("message", text, int(standardButtons))

    # All of slicer.util's infoDisplay, errorDisplay, confirmOkCancelDisplay ... come through the first.
    slicer.util._messageDisplay = display
    slicer.util.messageBox = message_box


def _answer_file_dialogs(answers: Answers) -> None:
    def one(parent=None, caption="", *where):
        return answers.choose(caption)

    def several(parent=None, caption="", *where):
        return answers.choose_several(caption)

    for name in ("getOpenFileName", "getSaveFileName", "getExistingDirectory"):
        setattr(QtWidgets.QFileDialog, name, staticmethod(one))
    QtWidgets.QFileDialog.getOpenFileNames = staticmethod(several)
