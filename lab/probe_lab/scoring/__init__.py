"""Runs of the probe in scenarios, and how often it was right."""
