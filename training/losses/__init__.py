"""Pure functions of tensors, one file each, to read beside the equations of method.md, section 4."""
