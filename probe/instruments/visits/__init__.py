"""Visits to one address: connect, shake hands, ask for pages, say first words, take transfers."""
