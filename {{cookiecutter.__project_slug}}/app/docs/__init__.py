"""Docs: what the API takes and gives, as a document and as a page to try it on."""
