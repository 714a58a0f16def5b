"""Runs are signed as they are written, and verified wherever they are read."""
