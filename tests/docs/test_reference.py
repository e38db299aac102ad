"""The reference page says what the docstrings say."""

from __future__ import annotations

from tests.docs.reference import PAGE, page


def test_the_reference_page_is_up_to_date() -> None:
    """Every public name stands on it with its first sentence; `python -m tests.docs.reference` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page()
