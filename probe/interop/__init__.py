"""Other projects' formats: what their files say becomes observations, controls and verdicts of ours, and back."""
