"""The words of the analysis, each list in one file."""
