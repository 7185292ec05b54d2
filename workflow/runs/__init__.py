"""A run on disk: its record, its draws, and the keys of what it depends on."""
