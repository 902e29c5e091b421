"""Well-known places: what a client reads to find out whose tokens count here, and by what keys."""
