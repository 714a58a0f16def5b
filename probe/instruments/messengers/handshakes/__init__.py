"""One module for each protocol, named as its row in `probe.core.tables.handshakes`: what is said, what is heard.

`FORMS` are its speeches; attempts take several in turn. `probe.instruments.messengers.speeches` finds them by name.
"""
