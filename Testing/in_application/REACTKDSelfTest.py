"""The module's self test inside Slicer, run by ctest; without Slicer by Testing/REACTKD/test_batch_script.py.

Exit status: see `exit_status`.
"""

import slicer
from exit_status import status_of

# The application has loaded it already.
from REACTKD import REACTKDTest

if __name__ == "__main__":
    slicer.util.exit(status_of(REACTKDTest))
