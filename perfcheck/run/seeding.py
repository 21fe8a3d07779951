"""The same random numbers in each run of a script, without a word of the script about them."""

import random
import sys


def seed(number: int) -> None:
    """Seed Python's, NumPy's and torch's generators, those of GPUs among them.

    Workers of data loaders draw their seeds from torch's. What a script seeds itself it seeds after this.
    Hashes of strings are seeded by ``PYTHONHASHSEED``, before Python starts.
    """
    import torch

    random.seed(number)
    torch.manual_seed(number)
    if "numpy" in sys.modules:  # torch imports it where it is installed
        import numpy

        numpy.random.seed(number % 2**32)
