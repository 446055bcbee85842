"""Maps of completed depth: a surface and an occupancy grid, and how right they are."""
