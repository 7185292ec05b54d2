"""No, partial and complete pooling: fits on the one program, and predictions of data left out."""
