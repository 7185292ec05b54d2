"""The stages of a review, in the order they run."""
