"""The probabilities as a bar chart."""

import slicer

BAR_COLOR = (0.93, 0.39, 0.02)


def add_chart(
    scene: slicer.vtkMRMLScene, probabilities: slicer.vtkMRMLTableNode
) -> tuple[slicer.vtkMRMLPlotSeriesNode, slicer.vtkMRMLPlotChartNode]:
    """One bar a grade, on a scale from 0 to 1."""
    series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", "Probability")
    series.SetAndObserveTableNodeID(probabilities.GetID())
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeBar)
    series.SetYColumnName("probability")
    series.SetLabelColumnName("grade")
    series.SetColor(*BAR_COLOR)
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "Probabilities of the grades")
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetTitle("Tumour grade")
    chart.SetYAxisTitle("Probability")
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, 1.0)
    chart.SetLegendVisibility(False)
    return series, chart
