"""Files that are one document each: text, markup, PDF, Office."""
