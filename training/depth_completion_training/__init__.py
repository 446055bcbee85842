"""Data engine, losses and recipes that train the networks of depth_completion_ros."""
