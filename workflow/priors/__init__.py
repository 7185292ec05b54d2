"""Other priors: which are tried, what they mean, and how a model takes them."""
