"""What lies between the client and everybody: routers, distance, loss, translation, and lines that are broken."""
