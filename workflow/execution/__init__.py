"""Running independent tasks: here, in threads, in other processes or on a cluster."""
