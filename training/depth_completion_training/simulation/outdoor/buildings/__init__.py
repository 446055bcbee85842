"""Parts of buildings, and whole ones."""
