"""What developing the service takes: certificates, a local stack, commands. Never deployed."""
