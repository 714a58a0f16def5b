"""Calling servers over HTTP, at public addresses alone."""
