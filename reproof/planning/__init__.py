"""Planning: every job of a scale as a value, where its files lie, what it costs."""
