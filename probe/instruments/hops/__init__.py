"""Where on the path attempts are lost or interfered with: packets whose TTL runs out on the way."""
