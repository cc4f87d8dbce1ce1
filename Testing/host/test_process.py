import sys

import pytest

ECHO = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)\nsys.exit(3)"


@pytest.fixture
def process(host):
    import qt

    process = qt.QProcess()
    yield process
    process.kill()
    process.waitForFinished()


def test_a_process_talks_line_by_line_and_says_how_it_ended(host, process):
    import qt

    said, ended = [], []
    process.connect("readyReadStandardOutput()", lambda: said.append(process.readAllStandardOutput().data()))
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ended.append((code, status)))
    process.start(sys.executable, ["-c", ECHO])
    process.write(b"abc\n")
    host.wait(lambda: b"".join(said) == b"cba\n")
    assert process.state() == qt.QProcess.Running
    assert process.processId() > 0
    process.closeWriteChannel()
    host.wait(lambda: ended)
    assert ended == [(3, qt.QProcess.NormalExit)]
    assert process.state() == qt.QProcess.NotRunning


def test_a_killed_process_has_crashed(host, process):
    import qt

    ended = []
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ended.append(status))
    process.start(sys.executable, ["-c", ECHO])
    assert process.waitForStarted()
    process.kill()
    host.wait(lambda: ended)
    assert ended == [qt.QProcess.CrashExit]


def test_a_program_that_is_not_there_is_an_error_of_the_process(host, process):
    import qt

    errors = []
    process.connect("errorOccurred(QProcess::ProcessError)", errors.append)
    process.start("no-such-program", [])
    host.wait(lambda: errors)
    assert errors == [qt.QProcess.FailedToStart]


def test_a_process_gets_the_environment_it_is_given(host, process):
    import qt

    environment = qt.QProcessEnvironment.systemEnvironment()
    environment.insert("REACTKD_WORD", "liver")
    process.setProcessEnvironment(environment)
    process.start(sys.executable, ["-c", "import os; print(os.environ['REACTKD_WORD'])"])
    assert process.waitForFinished()
    assert process.readAllStandardOutput().data().strip() == b"liver"
