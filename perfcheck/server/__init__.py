"""The language server: what an editor asks, answered on texts that are not saved yet."""
