"""What to do next, from what was seen: pure, so that a plan can be replayed from observations."""
