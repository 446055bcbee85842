"""Work on many drives and bags, cut into stretches that processes or a Ray cluster do."""
