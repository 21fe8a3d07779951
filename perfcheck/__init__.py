"""perfcheck: find, prove and mend the places where PyTorch code makes the GPU wait."""

__version__ = "0.1.0"
