"""Workers, as processes or as actors of a Ray cluster, and what hands them one task after the other."""
