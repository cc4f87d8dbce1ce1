"""The panel inside 3D Slicer. Needs slicer, qt and ctk; never torch, which only the worker process loads."""
