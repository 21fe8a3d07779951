"""Two versions of a program, run with the same seeds: do they compute the same, and at which cost?"""
