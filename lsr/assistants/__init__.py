"""Collections as tools of assistants, by the Model Context Protocol."""
