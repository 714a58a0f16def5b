"""A messenger's own first words: evidence and rules."""
