"""From observations and controls to evidence: pure, total, no opinion."""
