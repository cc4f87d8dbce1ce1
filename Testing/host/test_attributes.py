import pytest


@pytest.fixture
def qt(host):
    import qt

    return qt


def test_properties_are_attributes(qt):
    button = qt.QPushButton("Apply")
    assert (button.text, button.enabled, button.toolTip) == ("Apply", True, "")
    button.enabled = False
    button.toolTip = "no CT"
    assert (button.enabled, button.toolTip) == (False, "no CT")
    box = qt.QComboBox()
    box.addItems(["a", "b", "c"])
    box.currentIndex = 2
    assert (box.count, box.currentText) == (3, "c")


def test_sizes_that_widgets_ask_for_are_properties_of_every_class(qt):
    class Tall(qt.QWidget):
        def sizeHint(self):
            return qt.QSize(20, 300)

    table = qt.QTableWidget(2, 2)
    for widget in (qt.QWidget(), table.horizontalHeader(), qt.QLabel("text")):
        assert widget.sizeHint.width() == widget.property("sizeHint").width()
    parent = qt.QWidget()
    rows = qt.QVBoxLayout(parent)
    rows.addWidget(Tall())
    assert parent.sizeHint.height() >= 300


def test_slots_and_readers_that_are_no_properties_are_called(qt):
    button = qt.QPushButton()
    button.setText("Cancel")
    button.setCheckable(True)
    assert button.text == "Cancel"
    assert button.isChecked() is False


@pytest.mark.parametrize("name", ["enbled", "txt", "isFine", "_mine"])
def test_what_a_qt_object_does_not_have_can_neither_be_read_nor_set(qt, name):
    button = qt.QPushButton()
    with pytest.raises(AttributeError, match=name):
        getattr(button, name)
    with pytest.raises(AttributeError, match=name):
        setattr(button, name, 1)


@pytest.mark.parametrize("name", ["setText", "click", "clicked", "isChecked"])
def test_methods_and_signals_cannot_be_set(qt, name):
    with pytest.raises(AttributeError, match=name):
        setattr(qt.QPushButton(), name, lambda: None)


def test_what_only_reads_cannot_be_set(qt):
    with pytest.raises(AttributeError):
        qt.QComboBox().count = 3


def test_a_python_subclass_keeps_attributes_of_its_own_and_those_of_qt(qt):
    class Filter(qt.QObject):
        def __init__(self):
            super().__init__()
            self.seen = []

        def eventFilter(self, watched, event):
            self.seen.append(event.type())
            return False

    watched = qt.QWidget()
    seeing = Filter()
    seeing.objectName = "seeing"
    watched.installEventFilter(seeing)
    watched.windowTitle = "changed"
    assert qt.QEvent.WindowTitleChange in seeing.seen
    assert seeing.name == "seeing"


def test_dynamic_properties_and_named_children_are_attributes(qt):
    parent = qt.QWidget()
    label = qt.QLabel("hello", parent)
    label.setObjectName("greeting")
    parent.setProperty("SlicerParameterName", "ct")
    assert parent.greeting.text == "hello"
    assert parent.SlicerParameterName == "ct"
    parent.SlicerParameterName = "pet"
    assert parent.property("SlicerParameterName") == "pet"


def test_enumerations_are_numbers(qt):
    assert qt.QProcess.NotRunning == 0
    assert qt.Qt.AlignRight | qt.Qt.AlignVCenter == 0x82
    assert isinstance(qt.QMessageBox.Ok, int)


def test_bytes_come_out_of_byte_arrays(qt):
    assert qt.QByteArray(b"\x00line").data() == b"\x00line"


def test_a_timer_has_the_property_and_the_function_of_one_name(host, qt):
    timer, called = qt.QTimer(), []
    timer.singleShot = True
    assert timer.singleShot is True
    qt.QTimer.singleShot(1, lambda: called.append(1))
    host.wait(lambda: called, 5)


def test_waiting_in_vain_is_an_error(host):
    with pytest.raises(TimeoutError):
        host.wait(lambda: False, 0.05)
