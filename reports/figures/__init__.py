"""Figures of a review: each answers the question in its title."""
