"""What a definition is shown as, for readers outside of the process."""
