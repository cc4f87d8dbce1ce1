"""`reactkd-train report`."""

import shutil
from pathlib import Path
from typing import Literal

from REACTKDLib.inference.device import find_device

from ..evaluation.errors import EvaluationError
from ..evaluation.figure_style import save
from .page import Page, write_page

INDEX, TABLES, FIGURES, DATA = "index.html", "tables", "figures", "data"
FORMATS = {".md": "markdown", ".csv": "csv", ".tex": "latex"}
OURS = {INDEX, TABLES, FIGURES, DATA}


def report_run(
    run: Path,
    out: Path | None = None,
    reference: str | None = None,
    explanations: int = 10,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Writes what a run showed: index.html, tables (Markdown, CSV, LaTeX) beside the paper's numbers, and figures.

    Of a run that is not finished it has what there is, and says what is missing.

    Args:
        run: its folder, such as runs/table1.
        out: folder of the report; `report` in that of the run if not given. An earlier report in it is replaced.
        reference: the network that the others are compared with; student-react_kd if there is one.
        explanations: held-out cases that attention maps are measured on; 0 for none. Each takes some 300 forward
                passes of each of two networks, half of them for occlusion.
        device: what networks are run on.
    """
    # Imported here: it needs everything.
    from .comparison import compare

    if explanations < 0:
        raise EvaluationError(
            "bad_explanations", f"--explanations cannot be {explanations}.", "Give a number of cases, or 0 for none."
        )
    run = Path(run)
    out = Path(out) if out else run / "report"
    _check_replaceable(out)
    page = compare(run, reference=reference, explanations=explanations, device=find_device(device).torch_device)
    write_report(page, out)
    print(
        f"{out / INDEX}: {sum(len(chapter.tables) for chapter in page.chapters)} tables, "
        f"{sum(len(chapter.pictures) for chapter in page.chapters)} figures"
    )
    for line in page.missing:
        print(f"  not in it: {line}")


def write_report(page: Page, out: Path) -> None:
    """All of it or nothing. Raises EvaluationError: output_not_writable, other_folder."""
    _check_replaceable(out)
    new = out.with_name(f".{out.name}.new")
    try:
        shutil.rmtree(new, ignore_errors=True)
        (new / TABLES).mkdir(parents=True)
        for chapter in page.chapters:
            for stem, table in chapter.tables.items():
                for suffix, form in FORMATS.items():
                    (new / TABLES / f"{stem}{suffix}").write_text(getattr(table, form)(), encoding="utf-8")
            for name, text in chapter.data.items():
                (new / DATA).mkdir(exist_ok=True)
                (new / DATA / name).write_text(text, encoding="utf-8")
            for picture in chapter.pictures:
                save(picture.figure, new / FIGURES / picture.stem)
        write_page(page, new / INDEX)
        if out.exists():
            shutil.rmtree(out)
        new.replace(out)
    except OSError as error:
        raise EvaluationError(
            "output_not_writable",
            f"The report cannot be written to {out}: {error.strerror or error}.",
            "Choose another place with --out, or free some space.",
        ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _check_replaceable(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir() or {path.name for path in out.iterdir()} - OURS:
        raise EvaluationError(
            "other_folder", f"{out} holds something else than a report.", "Choose another folder with --out."
        )
