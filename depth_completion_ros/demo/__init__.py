"""A street drive made from nothing, and what plays it through the nodes and scores the completers."""
