"""A metric that stands in no module: the text of its function, kept with the criterion.

The text is code like a pickle. Here it is only a text: what runs it, and on whose word, is a matter of who judges.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mlcycle import _html
from mlcycle._digest import sha256_bytes
from mlcycle.errors import InvalidInput
from mlcycle.records._record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MetricSource", "function_of", "made_here"]

_DEFINED = re.compile(r"^def[ \t]+(\w+)[ \t]*[(\[]", re.MULTILINE)
# What this process itself wrote down, by digest, with the function it was written from: whoever gave the function has
# vouched for it. Nothing that was read from a store ever comes in here.
_MADE_HERE: dict[str, Callable[..., Any]] = {}


def _defines(instance: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, str) or not _DEFINED.search(value):
        raise InvalidInput(
            f"the source of a metric ends with its function, 'def name(y_true, y_pred): …', got {value!r:.80}"
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"the source of a metric is text that UTF-8 can hold: {error}") from error


@frozen(repr=False)
class MetricSource(Record):
    r"""A metric by its source: the function, with the imports, the constants and the functions that it uses.

    A criterion makes one of a function that no other process could import, such as one of a notebook. What is judged
    is always this text, here and elsewhere; where it was not written, it runs only if the caller trusts its digest.

    Parameters
    ----------
    source : str
        Python that stands by itself; the last function in it is the metric, ``(y_true, y_pred) -> float``.

    Examples
    --------
    >>> found = MetricSource("def hits(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n")
    >>> print(found)
    hits
    >>> found.digest[:20]
    'metric:sha256:c5d01a'
    >>> print(found.source)
    def hits(y_true, y_pred):
        return float((y_true == y_pred).mean())
    <BLANKLINE>
    """

    source: str = field(validator=_defines)

    @property
    def name(self) -> str:
        """What the function is called."""
        # the last one, so that the digest of the text alone says which function runs
        return _DEFINED.findall(self.source)[-1]

    @property
    def digest(self) -> str:
        """What is trusted: ``"metric:sha256:…"`` of the text, another for every other text."""
        # the word before it keeps a text that was read and trusted from counting as a pickle of the same bytes
        return f"metric:{sha256_bytes(self.source.encode())}"

    def __repr__(self) -> str:
        return f"MetricSource({self.name!r}, digest={self.digest[:22] + '…'!r})"

    def _title(self) -> str:
        return self.name

    def _facts(self) -> list[tuple[str, Any]]:
        return [("digest", self.digest)]

    def _repr_html_(self) -> str:
        return _html.card(f"metric {self.name}", self._facts(), _html.folded("source", self.source))


def made_here(function: Callable[..., Any], source: str) -> MetricSource:
    """Return the metric of a text that this process wrote down from a function, and remember that it did."""
    found = MetricSource(source)
    if found.name != function.__name__:  # a line of a text inside it looks like the beginning of a function
        raise InvalidInput(
            f"the metric {function.__name__} cannot be kept with the criterion: a text in it has a line that begins "
            f"with 'def {found.name}(', which would be taken for the function; put a blank before it"
        )
    _MADE_HERE[found.digest] = function
    return found


def function_of(metric: MetricSource) -> Callable[..., Any] | None:
    r"""Return the function a metric was written from, None where that was in another process.

    Examples
    --------
    >>> function_of(MetricSource("def hits(y_true, y_pred):\n    return 1.0\n")) is None
    True
    """
    return _MADE_HERE.get(metric.digest)
