"""What happens, in order: specs, stages, runner, store, command line."""
