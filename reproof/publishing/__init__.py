"""Publishing: which results travel, and the code that they are bound to."""
