"""Reaching names and addresses for whoever asks a helper, never private ones, with the sockets of a run."""
