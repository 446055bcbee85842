"""How a completion node is to be started on a robot: found out from its topics, and written to files."""
