"""Use cases. They take a Session and never commit."""
