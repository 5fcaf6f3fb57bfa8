"""Pipeline: the work of each rule that is no operation, from the data to the page."""
