"""Runs by cron, by systemd or by `probe watch`: when they are due, how that is set up, and a log of what came of it."""
