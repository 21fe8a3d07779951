"""What a verification tells: a module a format."""
