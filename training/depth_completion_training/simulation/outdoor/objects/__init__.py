"""The things that stand in outdoor worlds, each made on z = 0."""
