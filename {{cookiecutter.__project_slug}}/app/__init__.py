"""The service: `main.py` builds it, `stack.py` orders its layers, `domains.py` lists its work."""
