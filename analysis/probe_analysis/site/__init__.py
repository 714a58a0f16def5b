"""A public site of static files: what is blocked now, and a page for each country, service, network and event."""
