"""Claims as values, what is measured for them, how chance is separated from effect, and verdicts in words."""
