"""Accounts: signing up, logging in and out, and who I am."""
