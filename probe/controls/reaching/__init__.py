"""Reaching names and addresses for others, never private ones: what the helper and signed fetches share."""
