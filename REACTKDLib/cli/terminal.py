"""What people see: a progress bar on a terminal, plain lines where the output is piped."""

import sys
import time

from tqdm import tqdm


class StageProgress:
    """A Progress for one case, on stderr so that stdout stays clean."""

    def __init__(self):
        self._bar = None
        self._since = time.perf_counter()

    def __enter__(self) -> "StageProgress":
        if sys.stderr.isatty():
            self._bar = tqdm(total=100, bar_format="{desc:<12} {bar:40} {percentage:3.0f}% {elapsed}", leave=False)
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, stage: str, fraction: float) -> None:
        if self._bar is None:
            print(f"{time.perf_counter() - self._since:6.2f} s  {stage}", file=sys.stderr, flush=True)
            return
        self._bar.set_description_str(stage)
        self._bar.n = round(100 * fraction)
        self._bar.refresh()


def say_prediction(prediction, out) -> None:
    """The result in a few lines."""
    print(f"{prediction.case}: {prediction.grade_name}" + (" (the model abstains)" if prediction.abstain else ""))
    for name, probability in zip(prediction.classes, prediction.probabilities, strict=True):
        print(f"  {name:<28} {probability:6.1%}")
    print(f"  {'region':<12} {'volume':>11} {'mean HU':>8}  attention for {prediction.grade_name}")
    for node in prediction.nodes:
        print(
            f"  {node.name:<12} {node.volume_ml:8.2f} mL {node.mean_hu:8.1f}  {node.attention[prediction.grade]:+.3f}"
        )
    for finding in prediction.findings:
        print(f"  {finding.severity}: {finding.message}")
    print(f"Result: {out}")


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
