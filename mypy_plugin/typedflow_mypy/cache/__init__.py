"""What the plugin knows already, and what makes that stale. The checks do not see it: they leave a trace."""
