"""What is stored is held to its signatures, day by day, and mended from its other form."""
