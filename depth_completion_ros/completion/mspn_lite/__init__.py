"""MSPN-lite: the small network whose weights ship with the package."""
