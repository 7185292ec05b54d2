"""Specs of models: what they declare, where they are found, what is wrong before sampling."""
