"""Runs are signed as they are written; a signature is checked against tables, wherever they come from."""
