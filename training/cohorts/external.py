"""Whether another cohort is one to test on: no network may have learnt from anyone in it."""

from collections.abc import Sequence
from pathlib import Path

from .errors import CohortError, listed
from .grades import GRADES
from .leakage import same_ct
from .manifest import CohortCase


def check_external(external: Sequence[CohortCase], own: Sequence[CohortCase]) -> None:
    """external: the other cohort's cases. own: those that folds are made of.

    Contents are compared of CTs that are there already: phantoms of either are not yet made at the first start.
    Raises CohortError: known_patients, known_cases, known_ct, grade_absent.
    """
    of_own = {name for case in own for name in (case.patient, case.group)}
    if patients := [case.patient for case in external if {case.patient, case.group} & of_own]:
        raise CohortError(
            "known_patients",
            f"The external cohort has patients or groups of the run's own cohort: {listed(patients)}.",
            "Take them out of one of the two. Are they other people of that name, give them another.",
        )
    of_own = {case.name.lower() for case in own}
    if cases := [case.name for case in external if case.name.lower() in of_own]:
        raise CohortError(
            "known_cases",
            f"The external cohort has names of cases that the run's own cohort has too: {listed(cases)}.",
            "Take them out of one of the two. Are they other images of that name, give them another.",
        )
    if pairs := _same_ct(external, own):
        raise CohortError(
            "known_ct",
            "CTs of the external cohort are in the run's own cohort under another name: " + listed(pairs) + ".",
            "Take them out of one of the two: what was learnt from would be tested on.",
        )
    if absent := [name for grade, name in enumerate(GRADES) if grade not in {case.grade for case in external}]:
        raise CohortError(
            "grade_absent",
            f"The external cohort has no case with: {', '.join(absent)}.",
            "Metrics are means over the grades and need all of them: give a cohort that has each.",
        )


def _same_ct(external: Sequence[CohortCase], own: Sequence[CohortCase]) -> list[str]:
    cases = [case for case in (*own, *external) if Path(case.files.ct).exists()]
    first = sum(Path(case.files.ct).exists() for case in own)
    pairs = same_ct([(case.patient, case.files) for case in cases])
    return [f"{cases[later].name} is {cases[earlier].name}" for earlier, later in pairs if earlier < first <= later]
