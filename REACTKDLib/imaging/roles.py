"""What the images of a case are for, and how each is called."""

from .spec import TRACERS

ROLE_NAMES = {
    "ct": "CT",
    "fdg": "FDG PET",
    "act": "acetate PET",
    "liver": "liver mask",
    "tumor": "tumour mask",
    "segmentation": "segmentation",
}
"""By role, in messages."""
PATH_NAMES = {role: f"pet_{role}" if role in TRACERS else role for role in ROLE_NAMES}
"""By role, where its file is given: parameters of `Case.from_files`, columns of a cohort, names in a case's folder."""
