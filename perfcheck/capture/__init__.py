"""Watching the device while a script runs: counting on an emulated one, measuring on a real one."""
