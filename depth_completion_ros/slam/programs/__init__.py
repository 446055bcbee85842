"""Programs of their own, run by a Python that may be another one: what they import is under the GPL.

Nothing of the package imports them, and they import nothing of it.
"""
