"""A censorship-reachability probe for messaging services."""

__version__ = "0.1.0"
