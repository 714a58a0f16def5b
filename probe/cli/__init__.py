"""The command line: thin, one module a command, each loaded only when it is used."""
