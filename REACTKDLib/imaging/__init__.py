"""A case, its geometry, preprocessing, regions and phantoms. Needs numpy and SimpleITK only."""
