import pytest

from REACTKDLib.networks.architecture import Architecture
from training.methods import method_class, method_names
from training.methods.method import MethodError

STUDENT = Architecture(network="student")
TEACHER = Architecture(network="teacher")
CT_TEACHER = Architecture(network="teacher", branches=("dose",))

several_teachers = [name for name in method_names() if method_class(name).teacher_branches]
one_teacher = [name for name in method_names() if method_class(name).needs_teacher and name not in several_teachers]


@pytest.mark.parametrize("name", several_teachers)
def test_a_method_of_several_teachers_refuses_one_of_ct_alone_and_names_what_lacks(name):
    with pytest.raises(MethodError) as error:
        method_class(name).check(STUDENT, CT_TEACHER)
    assert method_class(name).title in error.value.message
    assert "'structure'" in error.value.message
    assert "fdg" in error.value.hint


@pytest.mark.parametrize("name", one_teacher)
def test_a_method_of_one_teacher_takes_one_of_ct_alone(name):
    method_class(name).check(STUDENT, CT_TEACHER)


@pytest.mark.parametrize("name", several_teachers + one_teacher)
@pytest.mark.parametrize("teacher", [None, STUDENT])
def test_without_a_teacher_a_distillation_is_refused_when_it_is_made_too(name, teacher):
    with pytest.raises(MethodError, match="there is none"):
        method_class(name)(STUDENT, teacher)


def test_only_the_student_alone_needs_no_teacher():
    assert [name for name in method_names() if not method_class(name).needs_teacher] == ["alone"]
    method_class("alone")(STUDENT, None)


@pytest.mark.parametrize("name", method_names())
def test_a_teacher_is_never_trained_as_a_student(name):
    with pytest.raises(MethodError, match="trains a student"):
        method_class(name).check(TEACHER, TEACHER)
