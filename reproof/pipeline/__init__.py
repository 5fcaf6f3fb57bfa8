"""Pipeline: the work of each rule except the operations, from data sets to the gallery."""
