"""From where uploads come: the web server tells a service beside it, which keeps network and prefix, and no address."""
