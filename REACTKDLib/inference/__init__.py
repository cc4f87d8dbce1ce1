"""Model folder, predictor, prediction, worker and report."""
