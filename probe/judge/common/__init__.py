"""What all protocols share: what a rule is, counts and tests of them, who else is struck, what was planned."""
