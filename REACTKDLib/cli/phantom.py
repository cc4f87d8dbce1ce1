"""`reactkd phantom`: synthetic PET/CT cases to try everything with."""

import argparse
import csv
from pathlib import Path

from .options import not_negative, positive
from .terminal import plural


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "phantom",
        help="make synthetic PET/CT cases",
        description="Make synthetic PET/CT cases with liver and tumour masks, and a cohort.csv for `reactkd batch`.",
    )
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--count", type=positive, default=1, metavar="N", help="cases (default: 1)")
    parser.add_argument("--seed", type=not_negative, default=0, help="of the first case (default: 0)")
    parser.add_argument(
        "--grade", type=int, choices=(0, 1, 2), help="0 well, 1 moderately, 2 poorly differentiated (default: drawn)"
    )
    parser.add_argument("--lesions", type=int, choices=range(9), metavar="0-8", help="how many (default: drawn)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..imaging.phantom import make_phantom, write_phantom

    out = Path(options.out)
    rows = []
    for seed in range(options.seed, options.seed + options.count):
        name = f"phantom_{seed:04d}"
        phantom = make_phantom(seed, options.grade, options.lesions)
        write_phantom(phantom, out / name)
        files = {"ct": "ct.nii.gz", "segmentation": "segmentation.seg.nrrd"}
        files |= {f"pet_{tracer}": f"pet_{tracer}.nii.gz" for tracer in phantom.pet}
        rows.append({"case": name, **{role: f"{name}/{file}" for role, file in files.items()}})
        print(f"{name}: grade {phantom.grade}, {plural(len(phantom.lesions), 'lesion')}")
    with (out / "cohort.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print(f"Cases: {out}/cohort.csv (synthetic; no patient)")
    return 0
