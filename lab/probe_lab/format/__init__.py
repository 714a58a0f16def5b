"""Scenario files: reading, checking, and what the words in them mean."""
