"""The tutorial's patient: synthetic, made here in a second, no download."""

import tempfile
from pathlib import Path

import slicer

NAME = "REACTKD phantom PET/CT"
VOLUMES = {"ct": "Phantom CT", "fdg": "Phantom FDG PET", "act": "Phantom acetate PET"}
SEGMENTATION = "Phantom segmentation"


def load_phantom() -> dict[str, slicer.vtkMRMLNode]:
    """Makes the phantom and loads it; returns the nodes of ct, fdg, act and segmentation."""
    # Imported here: the module is listed when the application starts, and this would make every start slower.
    from ..imaging.phantom import write_phantom
    from ..imaging.phantom.tutorial import tutorial_phantom
    from ..scene.volumes import CT_WINDOW_LEVEL, set_window

    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        write_phantom(tutorial_phantom(), Path(folder))
        files = {"ct": "ct.nii.gz", "fdg": "pet_fdg.nii.gz", "act": "pet_act.nii.gz"}
        nodes = {
            role: slicer.util.loadVolume(str(Path(folder) / file), {"name": VOLUMES[role]})
            for role, file in files.items()
        }
        nodes["segmentation"] = slicer.util.loadSegmentation(
            str(Path(folder) / "segmentation.seg.nrrd"), {"name": SEGMENTATION}
        )
    for node in nodes.values():
        # The files are gone: saving the scene must write the nodes anew, wherever the user wants them.
        storage = node.GetStorageNode()
        if storage is not None:
            slicer.mrmlScene.RemoveNode(storage)
    set_window(nodes["ct"], *CT_WINDOW_LEVEL)
    slicer.util.setSliceViewerLayers(background=nodes["ct"], foreground=None, fit=True)
    return nodes


def register(category: str, thumbnail: str) -> None:
    """Lists the phantom in the Sample Data module."""
    import SampleData

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # from Slicer 5.12
        logic.registerCustomSampleDataCategory(category, title=category)
    logic.registerCustomSampleDataSource(
        category=category,
        sampleName=NAME,
        thumbnailFileName=thumbnail,
        uris="",
        fileNames="",
        nodeNames=NAME,
        customDownloader=lambda _source: list(load_phantom().values()),
    )
