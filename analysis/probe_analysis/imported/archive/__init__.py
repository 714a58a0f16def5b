"""OONI's public archive: what lies where, and fetching a bounded part of it into a folder."""
