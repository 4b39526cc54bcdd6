"""When and how an execution is saved and loaded."""
