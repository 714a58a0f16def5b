"""What a volunteer is told and asked before the first run, and whether what was agreed to still holds."""
