"""Optional libraries that more than one room uses, each with a sentence that says how to install it."""
