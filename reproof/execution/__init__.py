"""Execution: the process, the log and the record of a job."""
