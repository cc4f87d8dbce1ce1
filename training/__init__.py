"""The distillation pipeline."""
