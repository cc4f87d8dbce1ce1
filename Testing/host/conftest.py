"""The process's one host, as good as new for each test, and without hidden exceptions at its end."""

import pytest

from REACTKDLib.scene.rendering import can_render
from Testing.slicer_host import start


@pytest.fixture
def host():
    host = start()
    host.reset()
    yield host
    host.check()


@pytest.fixture(scope="session")
def display():
    """Skips where nothing can be rendered, and says why."""
    can, reason = can_render()
    if not can:
        pytest.skip(reason)


@pytest.fixture
def load_ui(host, tmp_path):
    """Loads the text of a `.ui` file; returns the root, and its widgets by name."""

    def load(widgets: str, connections: str = "", root: str = "qMRMLWidget"):
        import slicer

        path = tmp_path / "panel.ui"
        path.write_text(
            f'<ui version="4.0"><class>Panel</class><widget class="{root}" name="Panel">'
            f'<layout class="QVBoxLayout" name="rows">{widgets}</layout></widget>'
            f"<connections>{connections}</connections></ui>"
        )
        widget = slicer.util.loadUI(str(path))
        return widget, slicer.util.childWidgetVariables(widget)

    return load
