"""Proves that the tests of each layer would notice if it broke.

A mutant is one small edit of the generated project that takes a defence away. `python -m
tests.mutants` bakes a project, and for every mutant copies it, makes the edit and runs the tests of
that layer alone: one of them must fail. A mutant that survives, an edit that no longer applies, a
kill by another layer's test and a run that breaks without a failing test are failures of the proof.
"""
