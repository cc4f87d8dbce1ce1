"""A click on a sphere of the graph, in any 3D view of the application."""

from collections.abc import Callable

import slicer

from ..scene.overlay_nodes import Overlay
from ..scene.picking import region_at_display_position

BEFORE_THE_VIEW = 1.0
"""Priority: the view's own interaction, which comes later, keeps events for itself."""
CLICK_PIXELS = 3
"""A mouse that moves farther while the button is down turns the view."""


class ThreeDPicking:
    """picked: called with the region's id. overlay: gives the overlay that is shown, or None."""

    def __init__(self, overlay: Callable[[], Overlay | None], picked: Callable[[str], None]):
        self._overlay = overlay
        self._picked = picked
        self._observed: list[tuple[object, int]] = []
        self._pressed: tuple[int, int] | None = None

    def observe(self) -> None:
        """Every 3D view that there is now; views may come with a layout."""
        self.release()
        layout = slicer.app.layoutManager()
        for index in range(layout.threeDViewCount if layout else 0):
            view = layout.threeDWidget(index).threeDView()
            interactor = view.interactor()
            for event, callback in (
                ("LeftButtonPressEvent", lambda caller, _event, view=view: self._press(caller, view)),
                ("LeftButtonReleaseEvent", lambda caller, _event, view=view: self._release(caller, view)),
            ):
                self._observed.append((interactor, interactor.AddObserver(event, callback, BEFORE_THE_VIEW)))

    def release(self) -> None:
        """Leaves the views to others."""
        for interactor, tag in self._observed:
            interactor.RemoveObserver(tag)
        self._observed.clear()

    def _press(self, interactor, view) -> None:
        # In other modes a click places a point, or changes the window.
        mode = view.mrmlViewNode().GetInteractionNode().GetCurrentInteractionMode()
        is_pick = mode == slicer.vtkMRMLInteractionNode.ViewTransform
        self._pressed = tuple(interactor.GetEventPosition()) if is_pick else None

    def _release(self, interactor, view) -> None:
        pressed, self._pressed = self._pressed, None
        position = tuple(interactor.GetEventPosition())
        overlay = self._overlay()
        if overlay is None or pressed is None:
            return
        if max(abs(now - then) for now, then in zip(position, pressed, strict=True)) > CLICK_PIXELS:
            return
        region = region_at_display_position(view, overlay, *position)
        if region is not None:
            self._picked(region)
