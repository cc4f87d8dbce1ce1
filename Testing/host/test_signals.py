import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def qt(host):
    import qt

    return qt


@pytest.fixture
def button(qt):
    button = qt.QPushButton("Apply")
    button.checkable = True
    return button


def test_a_callable_gets_as_many_arguments_as_it_takes(button):
    got = []
    button.connect("clicked(bool)", lambda: got.append("none"))
    button.connect("clicked(bool)", lambda checked: got.append(checked))
    button.connect("clicked(bool)", lambda checked="default": got.append(("default", checked)))
    button.connect("clicked(bool)", lambda *all_: got.append(all_))
    button.connect("clicked()", lambda *all_: got.append(all_))
    button.click()
    assert got == ["none", True, ("default", True), (True,), ()]


@pytest.mark.parametrize("signal", ["clickd(bool)", "clicked(int)", "clicked", "currentNodeChanged(vtkMRMLNode*)"])
def test_a_signal_that_does_not_exist_is_an_error(button, signal):
    with pytest.raises(ValueError, match=r"clickd|clicked|currentNodeChanged"):
        button.connect(signal, print)


def test_signals_connect_as_attributes_too(qt, button):
    slider, number, got = qt.QSlider(), qt.QSpinBox(), []
    slider.valueChanged.connect(number.setValue)
    slider.valueChanged.connect(lambda: got.append(slider.value))
    slider.value = 7
    assert (number.value, got) == (7, [7])


def test_a_slot_of_another_object_is_connected_by_its_name(qt, button):
    dialog = qt.QDialog()
    dialog.show()
    button.connect("clicked()", dialog, "reject()")
    button.click()
    assert dialog.visible is False


class Listener:
    def __init__(self):
        self.heard = 0

    def hear(self):
        self.heard += 1


@given(changes=st.lists(st.booleans(), max_size=8))
def test_every_connection_is_undone_once(changes):
    """True connects, False disconnects: the signal comes as often as there are connections."""
    import qt

    timer, listener, expected = qt.QTimer(), Listener(), 0
    for connects in changes:
        if connects:
            timer.connect("timeout()", listener.hear)
            expected += 1
        else:
            assert timer.disconnect("timeout()", listener.hear) is (expected > 0)
            expected = max(expected - 1, 0)
    timer.timeout.emit()
    assert listener.heard == expected


def test_what_a_slot_raises_is_collected_and_the_others_are_called(host, button):
    called = []

    def fail():
        raise KeyError("lost")

    button.connect("clicked()", fail)
    button.connect("clicked()", lambda: called.append(1))
    button.click()
    assert called == [1]
    with pytest.raises(ExceptionGroup) as caught:
        host.check()
    assert caught.group_contains(KeyError)
    host.exceptions.clear()


def test_what_an_observer_of_the_scene_raises_is_collected(host):
    def fail(caller, event):
        raise KeyError("lost")

    tag = host.scene.AddObserver(host.scene.NodeAddedEvent, fail)
    host.scene.AddNewNodeByClass("vtkMRMLTextNode")
    host.scene.RemoveObserver(tag)
    assert {type(exception) for exception in host.exceptions} == {KeyError}
    host.exceptions.clear()


def test_a_disabled_button_cannot_be_clicked(host, button):
    button.enabled = False
    with pytest.raises(RuntimeError, match="disabled"):
        host.click(button)
    button.enabled = True
    clicks = []
    button.connect("clicked()", lambda: clicks.append(1))
    host.click(button)
    assert clicks == [1]
