"""Settings: presets that hold a body, and grades that differ as much as they are said to."""

import pytest

from REACTKDLib.imaging.phantom import PhantomSettings


@pytest.mark.parametrize("preset", ["coarse", "fine", "tiny"])
def test_every_preset_has_the_field_of_view_of_the_default(preset, tiny):
    settings = tiny if preset == "tiny" else getattr(PhantomSettings, preset)()
    extents = [
        [n * s for n, s in zip(each.ct_size, each.ct_spacing, strict=True)] for each in (settings, PhantomSettings())
    ]
    assert extents[0] == pytest.approx(extents[1], abs=4)


@pytest.mark.parametrize(("effect", "expected"), [(1.0, (1.0, 2.0, 6.0)), (0.5, (2.0, 2.5, 4.5)), (0.0, (3.0,) * 3)])
def test_the_grades_are_pulled_to_their_mean_as_far_as_the_effect_is_less_than_whole(effect, expected):
    settings = PhantomSettings(grade_effect=effect)
    assert [settings.at_grade((1.0, 2.0, 6.0), grade) for grade in range(3)] == pytest.approx(expected)
