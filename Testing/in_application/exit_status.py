"""How a script that ctest runs inside Slicer ends."""

import sys
import unittest

from REACTKDLib.setup.environment import inspect_environment
from REACTKDLib.setup.wording import requirements_message

EXIT_NOT_RUN = 77
"""SKIP_RETURN_CODE in REACTKD/CMakeLists.txt: no machine that builds extensions has torch."""


def status_of(tests: type[unittest.TestCase]) -> int:
    """0 passed, 1 failed, 77 not run, because packages are missing."""
    if missing := requirements_message(inspect_environment(), headless=True):
        sys.stdout.write(f"Not run: {missing}\n")
        return EXIT_NOT_RUN
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(tests)
    return 0 if unittest.TextTestRunner(sys.stdout, verbosity=2).run(suite).wasSuccessful() else 1
