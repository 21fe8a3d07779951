"""What operators do to host and device: one table for the linter, the emulated device and the documentation."""

from perfcheck.operators.reader import Effect, Operator, Result, by_aten, find, operators, results

__all__ = ["Effect", "Operator", "Result", "by_aten", "find", "operators", "results"]
