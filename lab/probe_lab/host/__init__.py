"""Hosts of the laboratory as processes in namespaces: building them, running programs on them, taking them down."""
