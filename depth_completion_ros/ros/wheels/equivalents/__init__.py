"""Small stand-ins for ROS packages that have no wheels: the calls used here and no more."""
