"""Who may do what, and who did it: the audit log, API keys, agents and their roles, limits."""
