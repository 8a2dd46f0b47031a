"""Reports of suites: tables in Markdown, LaTeX and CSV, and one page of HTML."""
