"""Origins for the tests of layer 3: an allowed page, and what nearly looks like it."""

from __future__ import annotations

import string

from hypothesis import strategies as st

PAGE = "https://app.example"
NEAR = st.builds(
    lambda left, cut, middle, right: left + PAGE[:cut] + middle + PAGE[cut:] + right,
    st.text(string.printable, max_size=3),
    st.integers(0, len(PAGE)),
    st.text(string.printable, max_size=2),
    st.text(string.printable, max_size=3),
)
