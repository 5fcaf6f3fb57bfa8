"""One function for each rule: read the inputs, call the science, write the outputs. Imported one by one."""
