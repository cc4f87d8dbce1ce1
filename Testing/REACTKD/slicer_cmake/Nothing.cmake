# Packaging needs Slicer itself.
