"""The engine: source files in, findings and predicted events out. Never imports what it reads."""
