"""How phantoms look: grids, scanners, patients, lesions, and what the grade does to them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PhantomSettings:
    """How phantoms look; all of it [D]. A triple is for grades 0, 1, 2 (well, moderately, poorly differentiated)."""

    ct_size: tuple[int, int, int] = (160, 160, 64)
    """Voxels along (x, y, z). Size times spacing should stay near 352 x 352 x 224 mm, which holds body and liver."""
    ct_spacing: tuple[float, float, float] = (2.2, 2.2, 3.5)
    """mm."""
    ct_fwhm_mm: float = 2.5
    """Resolution of the CT."""
    ct_noise_hu: float = 12.0
    """Standard deviation, with the in-plane correlation of filtered back-projection."""
    pet_spacing: tuple[float, float, float] = (4.0, 4.0, 4.0)
    """mm."""
    pet_margin_mm: float = 14.0
    """How far the PET's field of view reaches beyond the CT's in the axial plane."""
    pet_fwhm_mm: float = 6.0
    """Resolution of the PET, reconstruction filter included."""
    pet_filter_fwhm_mm: float = 4.0
    """Of the reconstruction filter alone, which correlates the noise."""
    pet_counts_per_kbq: float = 80.0
    """Expected counts per kBq in a voxel: fewer is noisier."""
    pet_shift_mm: float = 0.0
    """Standard deviation, along each axis, of the displacement of the PET against the CT."""

    body_scale: tuple[float, float] = (0.94, 1.06)
    """Range of the patient's size along each axis, over a trunk of 320 x 224 mm."""
    fat_mm: tuple[float, float] = (10.0, 26.0)
    """Range of the subcutaneous fat's thickness."""
    deformation_mm: float = 3.5
    """Standard deviation of the smooth displacement of the anatomy along each axis."""
    deformation_length_mm: float = 55.0
    """Over which that displacement varies."""
    liver_ml: tuple[float, float] = (1100.0, 1900.0)
    """Range of the liver's volume, lesions included."""
    tissue_sd_hu: float = 5.0
    """Standard deviation of each tissue's attenuation between patients; twice that of slow variation within one."""
    uptake_log_sd: float = 0.15
    """Standard deviation of the logarithm of each tissue's uptake between patients."""

    lesion_ml: tuple[float, float] = (0.3, 120.0)
    """Range of a lesion's volume; on coarse grids at least six voxels."""
    main_lesion_ml: float = 14.0
    """Median volume of a patient's first lesion."""
    satellite_ml: float = 3.0
    """Median volume of the others."""
    lesion_log_sd: float = 0.9
    """Of the logarithm of both."""
    lesion_irregularity: float = 0.16
    """Standard deviation of the radius over the surface, as a fraction of it."""
    lesion_gap_mm: float = 8.0
    """Least distance between two lesions; at least the voxels that closing may fill."""

    grade_effect: float = 1.0
    """0: the grade has no influence at all. 1: the triples below."""
    overlap: float = 1.0
    """Scales the spreads between patients below: 0 makes every cue decide alone."""
    fdg_ratio: tuple[float, float, float] = (1.0, 1.5, 2.4)
    """Uptake of viable tumour over liver, 18F-FDG."""
    act_ratio: tuple[float, float, float] = (2.0, 1.5, 1.1)
    """Likewise, 11C-acetate."""
    ratio_log_sd: float = 0.22
    """Of the logarithm of either ratio."""
    enhancement_hu: tuple[float, float, float] = (-16.0, -22.0, -28.0)
    """Of viable tumour against liver, portal venous phase."""
    enhancement_sd_hu: float = 11.0
    """Of the above."""
    texture_hu: tuple[float, float, float] = (7.0, 9.0, 12.0)
    """Standard deviation within a lesion."""
    texture_mm: tuple[float, float, float] = (4.0, 5.5, 7.5)
    """Length over which it varies."""
    texture_log_sd: float = 0.3
    """Of the logarithm of either."""
    necrosis: tuple[float, float, float] = (0.05, 0.18, 0.32)
    """Radius of the necrotic core as a fraction of the lesion's; below 0.15 there is none."""
    necrosis_sd: float = 0.15
    """Of the above."""
    unlikeness: tuple[float, float, float] = (0.08, 0.13, 0.2)
    """Log standard deviation of uptake between the lesions of one patient; 40 HU of enhancement to each unit."""
    extra_lesions: tuple[float, float, float] = (0.6, 1.2, 2.0)
    """Mean number of lesions after the first (Poisson)."""

    @classmethod
    def coarse(cls, **changes) -> "PhantomSettings":
        """About a fifth of the default's voxels, for quick looks and tests."""
        grids = {"ct_size": (88, 88, 42), "ct_spacing": (4.0, 4.0, 5.4), "pet_spacing": (6.0, 6.0, 6.0)}
        return cls(**{**grids, **changes})

    @classmethod
    def fine(cls, **changes) -> "PhantomSettings":
        """Near the grid of a clinical abdominal CT: about six times the default's voxels."""
        grids = {"ct_size": (320, 320, 90), "ct_spacing": (1.1, 1.1, 2.5), "pet_spacing": (3.0, 3.0, 3.0)}
        return cls(**{**grids, **changes})

    def at_grade(self, triple: tuple[float, float, float], grade: int) -> float:
        """The triple's value for a grade, pulled to the triple's mean where `grade_effect` is below 1."""
        mean = sum(triple) / len(triple)
        return mean + self.grade_effect * (triple[grade] - mean)
