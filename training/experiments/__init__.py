"""What to train, fold by fold and seed by seed, and where it is."""
