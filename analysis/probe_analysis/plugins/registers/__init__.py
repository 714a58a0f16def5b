"""Legal block lists beside the targets: read from a file or URL that a person gives, joined, and dated.

Entries are read one after the other and forgotten unless they concern a target: lists are long, and some hold what
nobody should keep.
"""
