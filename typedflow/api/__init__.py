"""What users hold: flows, processes and executions, the typed facades."""
