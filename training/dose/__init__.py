"""Low-dose CT, simulated in the sinogram domain (method.md, section 5)."""
