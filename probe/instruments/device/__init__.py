"""What is known of this device and its line: gateway, tunnels, own addresses, conditions, a change of network."""
