"""The only room that imports rclpy: messages, synchronisation, transforms, nodes."""
