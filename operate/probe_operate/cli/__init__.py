"""The commands for operators; the program finds them by the entry points of `probe.commands`."""
