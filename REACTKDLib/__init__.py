"""REACT-KD: tumour grade, region graph and attention from CT and PET.

Layers, each standing only on those to its right::

    panel, cli -> scene -> inference -> networks -> imaging
"""

__version__ = "0.1.0"
