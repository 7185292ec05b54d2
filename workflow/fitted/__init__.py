"""Reviews of fits that were made elsewhere."""
