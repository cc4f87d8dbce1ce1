"""One loop for both stages: it trains a network, can be killed at any moment, and goes on where it was."""
