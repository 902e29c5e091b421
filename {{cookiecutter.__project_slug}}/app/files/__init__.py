"""Files, the sample domain for uploads: images that a user stores and gets back clean."""
