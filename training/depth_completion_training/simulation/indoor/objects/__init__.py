"""What stands, lies and hangs in rooms."""
