"""Proves the template: its answers, its purity, what it bakes, and that its proofs can fail."""
