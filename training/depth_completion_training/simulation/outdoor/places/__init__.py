"""Where things stand: one module a kind of outdoor world."""
