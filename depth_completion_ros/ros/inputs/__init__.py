"""What the completion node takes in: pairs of messages, the camera, and where the LiDAR is."""
