"""Who ended a connection, by its packets and its times."""
