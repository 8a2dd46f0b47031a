"""Why one system finds what another does not: run against run, query by query."""
