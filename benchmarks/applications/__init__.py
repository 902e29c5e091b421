"""What is measured. These modules run in a generated project's Python; the runner imports none."""
