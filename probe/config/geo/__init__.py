"""Country and autonomous system of an address, from a table on this device. Nobody is asked.

`table.bin` holds what public registries and routing tables say (NOTICE.md names them); a person's own `.mmdb` can
stand in its place.
"""
