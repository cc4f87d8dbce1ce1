"""Result: the grade, its reasons, and one selection in table, slices and 3D."""

import qt
from slicer.i18n import tr as _

from ..imaging.spec import TRACERS
from ..inference.prediction import Node
from ..inference.wording import deletion_check, measure, number, percent, reasons, signed
from ..scene.colors import attention_color
from ..scene.display import (
    jump_to_region,
    set_overlay_opacity,
    show_class,
    show_edges,
    show_labels,
    show_map,
    show_nodes,
    show_similar,
    shown,
)
from ..scene.overlay_nodes import Overlay
from .widgets import MUTED_COLOR, WARNING_COLOR, chosen, colored, escaped, fill, silent

COLUMN_NAMES = {"fdg": "FDG", "act": "Acetate"}
BAR_STEPS = 1000
MAX_ROWS = 8
ID_ROLE = qt.Qt.UserRole


class ResultSection:
    """Shows an overlay of the scene, and changes how it is shown."""

    def __init__(self, ui):
        self._ui = ui
        self._empty_text = ui.emptyResultLabel.text
        self.overlay: Overlay | None = None
        ui.regionTable.connect("itemSelectionChanged()", self._row_selected)
        # A click on the row that is selected already is a way back to its region.
        ui.regionTable.connect("cellClicked(int,int)", self._row_selected)
        ui.classSelector.connect("currentIndexChanged(int)", self._class_chosen)
        ui.mapSelector.connect("currentIndexChanged(int)", self._map_chosen)
        ui.opacitySlider.connect("valueChanged(double)", self._opacity_changed)
        ui.edgeSlider.connect("valueChanged(double)", self._similarity_changed)
        for box, show in (
            (ui.nodesCheckBox, show_nodes),
            (ui.edgesCheckBox, show_edges),
            (ui.labelsCheckBox, show_labels),
        ):
            box.connect("toggled(bool)", lambda checked, show=show: self.overlay and show(self.overlay, checked))

    def show(self, overlay: Overlay | None, incomplete: bool = False) -> None:
        """Fills the section from the scene; None empties it. incomplete: there is an overlay, but not all of it."""
        self.overlay = overlay
        incomplete_text = _("The result is incomplete, or of another version. Apply again, which replaces it.")
        self._ui.emptyResultLabel.text = incomplete_text if incomplete else self._empty_text
        self._ui.emptyResultLabel.visible = overlay is None
        self._ui.resultWidget.visible = overlay is not None
        if overlay is None:
            self._ui.regionTable.setRowCount(0)
            return
        summary = overlay.summary
        self._ui.gradeLabel.text = _headline(summary)
        self._fill_probabilities(summary)
        self._ui.reasonLabel.text = _reasons(summary)
        self._ui.findingsLabel.text = _findings(summary.findings)
        self._ui.findingsLabel.visible = bool(summary.findings)
        fill(
            self._ui.classSelector, [(name, str(i)) for i, name in enumerate(summary.classes)], str(overlay.shown_class)
        )
        self._fill_controls()
        self._fill_table()

    def select(self, region_id: str) -> None:
        """As a click on the region's row."""
        table = self._ui.regionTable
        for row in range(table.rowCount):
            if table.item(row, 0).data(ID_ROLE) == region_id:
                table.selectRow(row)

    @property
    def selected(self) -> str | None:
        """The region of the selected row."""
        rows = self._ui.regionTable.selectionModel().selectedRows()
        return self._ui.regionTable.item(rows[0].row(), 0).data(ID_ROLE) if rows else None

    def _fill_probabilities(self, summary) -> None:
        grid = self._ui.probabilitiesWidget.layout()
        while grid.count():
            grid.takeAt(0).widget().deleteLater()
        for row, (name, probability) in enumerate(zip(summary.classes, summary.probabilities, strict=True)):
            bar = qt.QProgressBar()
            bar.setRange(0, BAR_STEPS)
            bar.setValue(round(BAR_STEPS * probability))
            bar.setTextVisible(False)
            bar.setToolTip(_("Probability of {grade}").format(grade=name.lower()))
            number_label = qt.QLabel(percent(probability))
            number_label.setAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            grid.addWidget(qt.QLabel(name), row, 0)
            grid.addWidget(bar, row, 1)
            grid.addWidget(number_label, row, 2)

    def _fill_controls(self) -> None:
        now = shown(self.overlay)
        ui = self._ui
        with silent(ui.opacitySlider, ui.edgeSlider, ui.nodesCheckBox, ui.edgesCheckBox, ui.labelsCheckBox):
            ui.opacitySlider.value = now.opacity
            ui.edgeSlider.value = now.similarity
            ui.nodesCheckBox.checked = now.nodes
            ui.edgesCheckBox.checked = now.edges
            ui.labelsCheckBox.checked = now.labels
        maps = [(_("Voxel map"), "voxel"), (_("Region map"), "region"), (_("CT only"), "")]
        fill(ui.mapSelector, maps, now.attention_map or "")

    def _fill_table(self) -> None:
        """One row a region, largest |attention| for the shown class first."""
        overlay, table = self.overlay, self._ui.regionTable
        class_index = overlay.shown_class
        nodes = sorted(overlay.summary.nodes, key=lambda node: -abs(node.attention[class_index]))
        tracers = [tracer for tracer in TRACERS if any(tracer in node.pet for node in nodes)]
        ratio = _("{tracer} ratio")
        headers = [
            _("Region"),
            _("Attention"),
            _("mL"),
            _("HU"),
            *(ratio.format(tracer=COLUMN_NAMES[t]) for t in tracers),
        ]
        selected = self.selected
        with silent(table):
            table.setColumnCount(len(headers))
            table.setHorizontalHeaderLabels(headers)
            table.setRowCount(len(nodes))
            table.verticalHeader().setVisible(False)
            table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
            table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
            for row, node in enumerate(nodes):
                for column, text in enumerate(_cells(node, class_index, tracers)):
                    table.setItem(row, column, _item(text, column))
                table.item(row, 0).setData(ID_ROLE, node.id)
                _paint(table.item(row, 1), node.attention[class_index], overlay.region_limit)
            _fit_height(table)
            table.clearSelection()
            if selected is not None:
                self.select(selected)

    def _row_selected(self) -> None:
        if self.overlay is not None and self.selected is not None:
            jump_to_region(self.overlay, self.selected)

    def _class_chosen(self) -> None:
        if self.overlay is not None:
            show_class(self.overlay, int(chosen(self._ui.classSelector)))
            self._fill_table()

    def _map_chosen(self) -> None:
        if self.overlay is not None:
            show_map(self.overlay, chosen(self._ui.mapSelector) or None)

    def _opacity_changed(self, opacity: float) -> None:
        if self.overlay is not None:
            set_overlay_opacity(self.overlay, opacity)

    def _similarity_changed(self, similarity: float) -> None:
        if self.overlay is not None:
            show_similar(self.overlay, similarity)


def _headline(summary) -> str:
    name = escaped(summary.grade_name)
    probability = percent(summary.probabilities[summary.grade])
    if summary.abstain:
        head = _("No firm grade; most likely {grade}").format(grade=name.lower())
    else:
        head = name
    sure = _("Uncertainty {value} (0 certain, 1 any grade as likely)").format(value=number(summary.entropy))
    lines = [f'<span style="font-size:15pt"><b>{head}</b>&nbsp; {probability}</span>', colored(sure, MUTED_COLOR)]
    if summary.provenance["model"]["trained_on_phantoms"]:
        lines.append(colored(_("By a model trained on phantoms: without clinical meaning."), WARNING_COLOR))
    return "<br>".join(lines)


def _reasons(summary) -> str:
    return "<br>".join(escaped(text) for text in (reasons(summary), deletion_check(summary)) if text)


def _findings(findings) -> str:
    return "<br>".join(
        colored("⚠ ", WARNING_COLOR) + escaped(finding.message)
        if finding.severity == "warning"
        else colored("ℹ ", MUTED_COLOR) + escaped(finding.message)
        for finding in findings
    )


def _cells(node: Node, class_index: int, tracers: list[str]) -> list[str]:
    uptakes = [node.pet[tracer].ratio if tracer in node.pet else None for tracer in tracers]
    values = [signed(node.attention[class_index]), measure(node.volume_ml), number(node.mean_hu, 0)]
    return [node.name, *values, *(number(uptake) for uptake in uptakes)]


def _item(text: str, column: int) -> qt.QTableWidgetItem:
    item = qt.QTableWidgetItem(text)
    if column:
        item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return item


def _fit_height(table: qt.QTableWidget) -> None:
    """All rows and the header without scrolling, as long as they are few."""
    rows = 1 + min(table.rowCount, MAX_ROWS)
    table.setFixedHeight(rows * table.rowHeight(0) + 2 * table.frameWidth)


def _paint(item: qt.QTableWidgetItem, attention: float, limit: float) -> None:
    """In the colour that the region has in the views."""
    red, green, blue = (round(255 * channel) for channel in attention_color(attention, limit))
    item.setBackground(qt.QBrush(qt.QColor(red, green, blue)))
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140
    item.setForeground(qt.QBrush(qt.QColor("white" if dark else "black")))
