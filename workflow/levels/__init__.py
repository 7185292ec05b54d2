"""Levels, evaluated on draws: effects, information of rows, and the rows that penalties need."""
