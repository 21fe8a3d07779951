"""Running somebody's script as plain ``python`` would, and following its steps."""
