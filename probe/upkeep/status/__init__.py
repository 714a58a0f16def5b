"""How the scheduled runs of one machine go: gathered from its files, and told with what to do."""
