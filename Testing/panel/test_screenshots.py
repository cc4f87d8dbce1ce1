"""Pictures of the module at work. `make screenshots` keeps those of the README; a test throws its own away."""

import os
from pathlib import Path

import numpy as np
import pytest
import slicer
from PIL import Image

from REACTKDLib.scene.rendering import can_render

WIDTH = 480
"""Of the panel, in its own pixels."""
MARGIN = 12


@pytest.fixture
def folder(tmp_path) -> Path:
    kept = os.environ.get("REACTKD_SCREENSHOTS")
    return Path(kept) if kept else tmp_path


@pytest.fixture
def screenshot(host, widget, folder):
    """Writes a picture of the whole panel, however long it is, and returns its pixels."""

    def take(name: str) -> np.ndarray:
        slicer.app.processEvents()
        root = widget.parent
        root.resize(WIDTH, root.layout().totalHeightForWidth(WIDTH))
        slicer.app.processEvents()
        height = max(root.layout().totalHeightForWidth(WIDTH), root.layout().minimumSize().height())
        path = folder / f"{name}.png"
        host.screenshot(root, path, (WIDTH, height))
        pixels = _without_empty_end(np.asarray(Image.open(path).convert("RGB")))
        Image.fromarray(pixels).quantize(128).save(path, optimize=True)
        return pixels

    return take


def _without_empty_end(pixels: np.ndarray) -> np.ndarray:
    """The panel's last rows hold nothing but its background."""
    drawn = np.flatnonzero((pixels != pixels[-1, 0]).any(axis=(1, 2)))
    return pixels[: drawn[-1] + 2 * MARGIN]


def text_rows(pixels: np.ndarray) -> int:
    """Rows with something dark in them, such as text."""
    return int((pixels.min(axis=(1, 2)) < 80).sum())


def test_the_panel_before_a_case_is_there(ui, screenshot):
    ui.advancedCollapsibleButton.collapsed = True
    assert text_rows(screenshot("panel_empty")) > 200


def test_the_panel_while_it_runs(host, ui, panel, screenshot, monkeypatch):
    ui.advancedCollapsibleButton.collapsed = True
    host.click(ui.sampleDataButton)
    panel.session.stop_worker()
    host.click(ui.applyButton)
    host.wait(lambda: ui.progressBar.visible or not panel.session.running)
    pixels = screenshot("panel_running")
    host.click(ui.applyButton)
    assert ui.applyButton.text == "Apply"
    assert text_rows(pixels) > 200


@pytest.mark.gl
@pytest.mark.skipif(not can_render()[0], reason=can_render()[1])
def test_the_panel_and_the_views_with_a_result(host, ui, panel, apply, screenshot, folder):
    ui.advancedCollapsibleButton.collapsed = True
    host.click(ui.sampleDataButton)
    overlay = apply()
    beside = screenshot("panel_result")
    assert text_rows(beside) > 400
    path = folder / "module.png"
    host.four_up(path)
    views = np.asarray(Image.open(path).convert("RGB"))
    _place_beside(beside, views, path)

    # What the overlay adds to the slices has hue; a CT alone has none.
    height, width = views.shape[0] // 2, views.shape[1] // 2
    colored = np.ptp(views[:height, :width].astype(int), axis=2) > 30
    assert colored.mean() > 0.002
    assert overlay.summary.grade_name


def _place_beside(panel: np.ndarray, views: np.ndarray, path: Path) -> None:
    """As the application shows them: the panel on the left, at the views' height."""
    left = Image.fromarray(panel)
    left = left.resize((round(left.width * views.shape[0] / left.height), views.shape[0]), Image.Resampling.LANCZOS)
    whole = Image.new("RGB", (left.width + MARGIN + views.shape[1], views.shape[0]), "white")
    whole.paste(left, (0, 0))
    whole.paste(Image.fromarray(views), (left.width + MARGIN, 0))
    whole.save(path, optimize=True)
