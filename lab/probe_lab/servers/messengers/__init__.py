"""One server for each protocol, in a module named as the protocol; `SERVER` says of which kind it is.

Written from published facts alone. With `wrong`, an answer is right in every byte but those that must belong to the
request. `probe_lab.servers.app_registry` finds them by name.
"""
