"""Signed lists of targets: verified, kept, and used by runs together with what they ask for in each country."""
