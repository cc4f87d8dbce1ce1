"""Which patients a network learns from: a manifest, where it comes from, and how it is split by patient."""
