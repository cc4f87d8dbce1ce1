"""`reactkd inspect`: a model's card, its files verified."""

import argparse
import json
from dataclasses import asdict

from .options import model_folder


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "inspect", help="show and verify a model", description="Show a model's card; verify its files."
    )
    parser.add_argument("model", nargs="?", metavar="DIR", help="model folder (default: the demo model)")
    parser.add_argument("--json", action="store_true", help="print the card as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..inference.model_card import ModelCard

    card = ModelCard.read(model_folder(options))
    values = asdict(card) | {"preprocessing": card.preprocessing.to_dict()}
    if options.json:
        print(json.dumps({"status": "done", **values}))
        return 0
    print(f"{card.name} {card.version} ({card.network}); files verified")
    print(f"  classes        {', '.join(card.classes)}")
    print(f"  intended use   {card.intended_use}")
    print(f"  temperature    {card.temperature:.3f}; abstains below {card.abstain_below:.0%}")
    for title in ("training", "metrics", "architecture", "preprocessing"):
        print(f"  {title}")
        for key, value in values[title].items():
            print(f"    {key:<24} {value}")
    print(f"  sha256         {card.sha256}")
    return 0
