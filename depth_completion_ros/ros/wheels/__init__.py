"""ROS from Python wheels: what stands in for packages that have none. A ROS distribution needs none of it."""
