"""`reactkd demo`: from nothing to a phantom PET/CT, its grade, pictures, report and 3D scene."""

import argparse
from pathlib import Path

from .options import add_model_options, model_folder
from .scene import SceneExtras
from .terminal import StageProgress, say_prediction

CONTENTS = {
    "report.html": "everything on one page: open it in a browser",
    "prediction.json": "grade, probabilities, nodes, edges, findings, provenance",
    "regions.nii.gz": "label map of the regions, on the CT",
    "attention.nii.gz": "each voxel's share of each class's logit",
    "scene.mrb": "the region graph in 3D: open it in 3D Slicer",
    "pictures": "3D view and slices through the most attended lesion",
}


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "demo", help="run the whole thing on a phantom", description="Make a phantom PET/CT and grade it."
    )
    parser.add_argument("--out", required=True, metavar="DIR")
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..imaging.phantom import write_phantom
    from ..imaging.phantom.tutorial import tutorial_phantom
    from ..inference.predictor import Predictor
    from ..inference.run import CaseFiles, run_case
    from ..networks.cpu import tune_allocator

    tune_allocator()
    out = Path(options.out)
    source, result = out / "phantom", out / "prediction"
    with StageProgress() as progress:
        progress("phantom", 0.0)
        phantom = tutorial_phantom()
        write_phantom(phantom, source)
        predictor = Predictor.load(model_folder(options), options.device)
        files = CaseFiles(
            ct=source / "ct.nii.gz",
            segmentation=source / "segmentation.seg.nrrd",
            pet_fdg=source / "pet_fdg.nii.gz",
            pet_act=source / "pet_act.nii.gz",
            name="phantom",
        )
        extras = SceneExtras() if SceneExtras.available() else None
        prediction = run_case(predictor, files, result, progress, extras=extras)
    grade = f"grade {phantom.grade} ({predictor.card.classes[phantom.grade]})"
    print(f"A synthetic patient with {grade} and {len(phantom.lesions)} lesions: {source}")
    say_prediction(prediction, result)
    for name, text in CONTENTS.items():
        if (result / name).exists():
            print(f"  {name:<18} {text}")
    return 0
