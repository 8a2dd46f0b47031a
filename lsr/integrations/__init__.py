"""Where people work: `lsr` as a part of other tools. A file for each, which needs that tool's package (an extra)."""
