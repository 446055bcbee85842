"""A simulated world: what stands in it, how a camera and a LiDAR see it."""
