import pytest


def test_messages_are_kept_and_never_wait(host):
    import qt
    import slicer

    slicer.util.infoDisplay("done")
    slicer.util.errorDisplay("no CT")
    qt.QMessageBox.warning(None, "title", "doubtful")
    box = qt.QMessageBox()
    box.icon = qt.QMessageBox.Question
    box.text = "really?"
    box.standardButtons = qt.QMessageBox.Yes | qt.QMessageBox.No
    assert box.exec_() == qt.QMessageBox.Yes
    assert host.messages == [("info", "done"), ("error", "no CT"), ("warning", "doubtful"), ("question", "really?")]


@pytest.mark.parametrize("ask", ["confirmOkCancelDisplay", "confirmYesNoDisplay", "confirmRetryCloseDisplay"])
def test_questions_are_answered_in_turn_and_with_yes_when_answers_run_out(host, ask):
    import slicer

    host.answers += [False, True, False]
    assert [getattr(slicer.util, ask)("sure?") for _ in range(4)] == [False, True, False, True]
    assert [text for _, text in host.messages] == ["sure?"] * 4


def test_an_answer_can_be_a_button(host):
    import qt

    host.answers.append(qt.QMessageBox.Cancel)
    buttons = qt.QMessageBox.Yes | qt.QMessageBox.No | qt.QMessageBox.Cancel
    assert qt.QMessageBox.question(None, "title", "save first?", buttons) == qt.QMessageBox.Cancel


def test_file_dialogs_choose_what_they_are_told_and_are_cancelled_otherwise(host, tmp_path):
    import qt

    host.chosen_paths += [tmp_path / "a.nrrd", [tmp_path, tmp_path]]
    assert qt.QFileDialog.getOpenFileName(None, "CT") == str(tmp_path / "a.nrrd")
    assert qt.QFileDialog.getOpenFileNames(None, "CTs") == [str(tmp_path)] * 2
    assert qt.QFileDialog.getSaveFileName(None, "Report") == ""
    assert qt.QFileDialog.getExistingDirectory(None, "Folder") == ""


def test_nothing_is_opened_on_the_desktop(host):
    import qt

    assert qt.QDesktopServices.openUrl(qt.QUrl("file:///report.html"))
    assert host.opened == ["file:///report.html"]


def test_a_reset_forgets_everything(host):
    import qt
    import slicer

    slicer.util.infoDisplay("done")
    host.answers.append(False)
    host.chosen_paths.append("x")
    qt.QSettings().setValue("REACTKD/model", "x")
    host.scene.AddNewNodeByClass("vtkMRMLTextNode")
    host.reset()
    assert (host.messages, host.answers, host.chosen_paths) == ([], [], [])
    assert qt.QSettings().value("REACTKD/model") is None
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLTextNode") == 0
