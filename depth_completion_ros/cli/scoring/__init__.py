"""Commands that score completed depth: against truth, by papers, for SLAM, for maps."""
