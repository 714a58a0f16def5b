"""One run: the ladder, the loop that takes due steps, and the verdicts at its end."""
