"""What is predicted: mean and variance of any outcome, in observed groups and in new ones."""
