"""Rules are data: one Markdown page each, read here."""
