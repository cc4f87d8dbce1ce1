"""What networks learn from: cases preprocessed once into a cache, drawn and augmented in every epoch."""
