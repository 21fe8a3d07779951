"""What operators do to host and device: one table for linter, emulated device and documentation."""

from perfcheck.operators.reader import Effect, Operator, Result, by_aten, find, operators, results

__all__ = ["Effect", "Operator", "Result", "by_aten", "find", "operators", "results"]
