"""The objects that stand in outdoor worlds, each made on z = 0."""
