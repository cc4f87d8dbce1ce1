"""`reactkd predict`: one case to a result folder."""

import argparse
import json

from .options import add_model_options, add_result_options, model_folder, scene_extras
from .terminal import StageProgress, say_prediction

PATHS = {
    "ct": "CT in HU: NIfTI, NRRD, MHA, or a folder of DICOM slices",
    "segmentation": "liver and tumour in one file: .seg.nrrd, or a label map",
    "liver": "liver mask, where it is a file of its own",
    "tumor": "tumour mask, where it is a file of its own",
    "pet-fdg": "18F-FDG PET, in any unit and on any grid",
    "pet-act": "11C-acetate PET",
}
SEGMENTS = {
    "liver-segment": "name or label value of the liver, where it is not called Liver",
    "tumor-segment": "name or label value of the tumour, where its name does not say so (Tumor, Lesions, Mass, HCC)",
}


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("predict", help="grade one case", description="Grade one case.")
    for name, text in PATHS.items():
        parser.add_argument(f"--{name}", required=name == "ct", help=text, metavar="PATH")
    for name, text in SEGMENTS.items():
        parser.add_argument(f"--{name}", help=text, metavar="NAME")
    parser.add_argument("--acquisition", type=int, metavar="N", help="AcquisitionNumber, where a series holds phases")
    parser.add_argument("--name", default="case", help="how the case is called in the result (default: %(default)s)")
    parser.add_argument("--out", required=True, metavar="DIR", help="result folder, made new or replaced whole")
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as JSON")
    add_model_options(parser)
    add_result_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    with StageProgress() as progress:
        progress("start", 0.0)
        # Imported here, under the progress bar: torch takes seconds.
        from ..inference.predictor import Predictor
        from ..inference.run import CaseFiles, run_case
        from ..networks.cpu import tune_allocator

        names = [name.replace("-", "_") for name in (*PATHS, *SEGMENTS)]
        files = CaseFiles(
            **{name: getattr(options, name) for name in names}, acquisition=options.acquisition, name=options.name
        )
        tune_allocator()
        predictor = Predictor.load(model_folder(options), options.device)
        prediction = run_case(
            predictor, files, options.out, progress, report=not options.no_report, extras=scene_extras(options)
        )
    if options.json:
        print(json.dumps({"status": "done", "out": str(options.out), **prediction.to_dict()}))
    else:
        say_prediction(prediction, options.out)
    return 0
