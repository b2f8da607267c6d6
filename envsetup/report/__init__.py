"""Values in, text out: terminal, JSON, Markdown, HTML, JUnit."""
