"""The module in the host: loaded once, a new scene for every test, the worker warm between them."""

from pathlib import Path

import pytest

from REACTKDLib.imaging.phantom import PhantomSettings, make_phantom, write_phantom
from Testing.models import TEACHER, write_random_model

PANEL_SIZE = (480, 2200)


@pytest.fixture(scope="session")
def application(project):
    from Testing.slicer_host import start

    host = start()
    module = host.load_module(project / "REACTKD" / "REACTKD.py")
    yield host
    host.unload_module(module)


@pytest.fixture
def host(application):
    application.reset()
    yield application
    application.close_scene()
    application.check()


@pytest.fixture
def widget(host):
    """The module's Python widget, entered and as large as it needs to be: a mouse finds its buttons."""
    widget = host.enter("REACTKD")
    widget.parent.resize(*PANEL_SIZE)
    widget.parent.show()
    return widget


@pytest.fixture
def ui(widget):
    return widget.ui


@pytest.fixture
def panel(widget):
    return widget.panel


@pytest.fixture(scope="session")
def small_phantom(tmp_path_factory) -> Path:
    """Folder of a phantom with three lesions that is quick to grade."""
    folder = tmp_path_factory.mktemp("small_phantom")
    write_phantom(make_phantom(11, 1, 3, settings=PhantomSettings.coarse()), folder)
    return folder


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("models") / "teacher", TEACHER)


@pytest.fixture
def case(host, panel, small_phantom):
    """The small phantom in the scene and in the selectors; its nodes by role."""
    import slicer

    nodes = {
        "ct": slicer.util.loadVolume(str(small_phantom / "ct.nii.gz")),
        "fdg": slicer.util.loadVolume(str(small_phantom / "pet_fdg.nii.gz")),
        "segmentation": slicer.util.loadSegmentation(str(small_phantom / "segmentation.seg.nrrd")),
    }
    parameters = panel._parameters
    parameters.ct, parameters.pet_fdg = nodes["ct"], nodes["fdg"]
    parameters.segmentation = nodes["segmentation"]
    return nodes


@pytest.fixture
def apply(host, ui, panel):
    """Clicks Apply and waits for the end of the run."""

    def apply(seconds: float = 60):
        host.click(ui.applyButton)
        host.wait(lambda: not panel.session.running, seconds)
        return panel.result.overlay

    return apply


@pytest.fixture
def temporary_files(host):
    """What runs have in the temporary folder now."""
    return lambda: sorted(path.name for path in Path(host.app.temporaryPath).glob("reactkd-*"))
