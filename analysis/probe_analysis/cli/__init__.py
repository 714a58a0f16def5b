"""The commands for researchers; the program finds them by the entry points of `probe.commands`."""
