"""Anybody's counts as cells: files of `time, network, target, n, failed`; what is left out is reported."""
