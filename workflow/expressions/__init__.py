"""Quantities and decisions written as text."""
