"""A made-up patient with liver lesions of a known grade: CT, two PET tracers and masks, from a seed.

It proves the pipeline from end to end, and is never evidence about patients: whatever is shown of it must say so.
The anatomy is painted as a label map in a standard body frame (x to the patient's left, y to the back, z to the head,
mm) that each patient scales and deforms smoothly; lesions grow inside its liver; tissue values, point spread and noise
turn it into images. Arrays are (D, H, W), positions (x, y, z) in LPS mm.
"""

from .errors import PhantomError
from .files import write_phantom
from .lesions import Lesion
from .making import Phantom, make_phantom
from .settings import PhantomSettings

__all__ = ["Lesion", "Phantom", "PhantomError", "PhantomSettings", "make_phantom", "write_phantom"]
