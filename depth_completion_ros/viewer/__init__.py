"""Frames and completed depth on a time line, to look at in Rerun."""
