"""Abstract interpretation of one body, forwards: what every expression is, and which events it raises."""
