"""What REACT-KD needs inside Slicer's Python, whether it is there, and how it gets there. Needs `packaging` only."""
