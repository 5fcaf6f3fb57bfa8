"""Execution: what surrounds the work of a job: its process, its log, its record."""
