"""A prediction as MRML nodes, and pictures of it. Needs slicer and vtk."""
