"""How widgets and views look, and pictures of them."""

from pathlib import Path

import matplotlib
import numpy as np

from .pythonqt.bindings import QtCore, QtGui, QtWidgets

FONT = "DejaVu Sans"
POINTS = 10
PIXEL_RATIO = 2
GAP = 4
"""Pixels between two views."""
COLORS = {
    "Window": "#f2f2f2",
    "WindowText": "#1b1b1b",
    "Base": "#ffffff",
    "AlternateBase": "#f7f7f7",
    "Text": "#1b1b1b",
    "Button": "#e9e9e9",
    "ButtonText": "#1b1b1b",
    "ToolTipBase": "#ffffdc",
    "ToolTipText": "#1b1b1b",
    "Highlight": "#2a82da",
    "HighlightedText": "#ffffff",
    "Link": "#1a5fb4",
}
DISABLED = "#9a9a9a"


def dress(app: QtWidgets.QApplication) -> None:
    """Without a screen Qt finds no font of the system and would draw boxes: matplotlib brings one."""
    for path in sorted((Path(matplotlib.get_data_path()) / "fonts" / "ttf").glob("DejaVuSans*.ttf")):
        QtGui.QFontDatabase.addApplicationFont(str(path))
    app.setFont(QtGui.QFont(FONT, POINTS))
    app.setStyle("Fusion")
    palette = QtGui.QPalette()
    for role, color in COLORS.items():
        palette.setColor(getattr(QtGui.QPalette, role), QtGui.QColor(color))
    for role in ("WindowText", "Text", "ButtonText"):
        palette.setColor(QtGui.QPalette.Disabled, getattr(QtGui.QPalette, role), QtGui.QColor(DISABLED))
    app.setPalette(palette)


def grab(widget: QtWidgets.QWidget, size: tuple[int, int] | None) -> QtGui.QImage:
    """size: width and height that the widget gets; None leaves it as large as it needs to be."""
    if size is None:
        widget.adjustSize()
    else:
        widget.resize(*size)
    widget.show()
    QtWidgets.QApplication.processEvents()
    image = QtGui.QImage(widget.size * PIXEL_RATIO, QtGui.QImage.Format_RGB32)
    image.setDevicePixelRatio(PIXEL_RATIO)
    image.fill(QtGui.QColor(COLORS["Window"]))
    widget.render(image)
    return image


def four_up(layout) -> QtGui.QImage:
    """Red and the 3D view above, Green and Yellow below."""
    views = [layout.sliceWidget("Red").sliceView(), layout.threeDWidget(0).threeDView()]
    views += [layout.sliceWidget(name).sliceView() for name in ("Green", "Yellow")]
    images = [_image(view.pixels()) for view in views]
    width, height = max(image.width() for image in images), max(image.height() for image in images)
    whole = QtGui.QImage(2 * width + GAP, 2 * height + GAP, QtGui.QImage.Format_RGB32)
    whole.fill(QtCore.Qt.black)
    painter = QtGui.QPainter(whole)
    for index, image in enumerate(images):
        row, column = divmod(index, 2)
        place = QtCore.QRect(column * (width + GAP), row * (height + GAP), width, height)
        inside = image.rect()
        inside.moveCenter(place.center())
        painter.drawImage(inside, image)
    painter.end()
    return whole


def _image(pixels: np.ndarray) -> QtGui.QImage:
    """pixels: (H, W, 3), uint8."""
    height, width, _ = pixels.shape
    data = np.ascontiguousarray(pixels)
    return QtGui.QImage(data.tobytes(), width, height, 3 * width, QtGui.QImage.Format_RGB888).copy()
