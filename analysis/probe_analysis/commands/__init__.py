"""What several commands for researchers are made of."""
