"""Reports of an evaluation: Markdown, one HTML page, comparisons."""
