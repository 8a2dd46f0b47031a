"""Who may do what: keys, their roles, and what each may take."""
