"""Carrying fixes out: steps become edits (with libcst), edits become files.

Nothing here is imported before there is something to mend.
"""
