"""Which row of a version goes into which part of a split: shares, methods, and places by a published hash."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from mlcycle import checks
from mlcycle._digest import hash64, salt_of, unit_interval
from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from mlcycle.state import Version

__all__ = ["check_seed", "check_shares", "choose_method", "class_codes", "part_masks"]

_METHODS = ("auto", "random", "stratified", "key")


def check_shares(test: float, validation: float) -> dict[str, float]:
    """Return the share of each part, in the order in which rows fill them.

    Raises
    ------
    InvalidInput
        Shares that are no numbers in [0, 1), or leave nothing for a part.
    """
    for label, share in (("test", test), ("validation", validation)):
        if not isinstance(share, (int, float)) or not 0 <= share < 1:
            raise InvalidInput(f"{label}={share!r} is a share of the rows: a number from 0 up to, not including, 1")
    if not 0 < test + validation < 1:
        raise InvalidInput(f"test={test} and validation={validation} leave no rows for one of the parts")
    shares = {"train": 1 - test - validation, "validation": float(validation), "test": float(test)}
    return {part: share for part, share in shares.items() if share > 0}


def check_seed(seed: Any) -> int:
    """Return a seed as a plain number, also one of NumPy."""
    try:
        return index(seed)
    except TypeError:
        raise InvalidInput(f"seed is a whole number, got {type(seed).__name__}: {seed!r:.80}") from None


def choose_method(version: Version, method: str, by: Any, target: pd.Series | None) -> tuple[str, Any]:
    """Return the method of a split and the column it goes by; `target` is looked at where there is a choice."""
    if method not in _METHODS:
        raise InvalidInput(f"method={method!r} is unknown; one of {', '.join(map(repr, _METHODS))}")
    roles = version["roles"]
    if method == "auto":
        keyed = by is not None or roles.get("group") is not None
        method = "key" if keyed else "stratified" if _has_few_classes(target) else "random"
    if method == "random":
        return method, None
    role = roles.get("target") if method == "stratified" else _first_given(roles.get("group"), roles.get("key"))
    column = _first_given(by, role)
    if column is None:
        needed = "target" if method == "stratified" else "key or group"
        raise InvalidInput(f"method={method!r} needs a column: {version.shown} has no {needed} role; give by=…")
    return method, column


def _first_given(*columns: Any) -> Any:
    return next((column for column in columns if column is not None), None)  # a column may be named 0 or ""


def _has_few_classes(target: pd.Series | None) -> bool:
    if target is None:
        return False
    codes = class_codes(target.dropna())
    return codes is not None and (not len(codes) or int(codes.max()) < checks.FEW_CLASSES)


def class_codes(column: pd.Series) -> np.ndarray | None:
    """Return the number of each row's class, missing being one too; None where values are no classes, such as lists."""
    import pandas as pd

    try:
        return pd.factorize(column, use_na_sentinel=False)[0]
    except (TypeError, ValueError, NotImplementedError):  # what pandas and Arrow say of values they cannot compare
        return None


def part_masks(
    name: str, frame: pd.DataFrame, shares: dict[str, float], method: str, column: Any, seed: int
) -> dict[str, np.ndarray]:
    """Return, for each part, one truth value for each row.

    Raises
    ------
    InvalidInput
        A column that no row can be placed by, or a part without rows.
    """
    import numpy as np

    salt = salt_of("split", name, str(seed))
    edges = np.cumsum(list(shares.values()))
    if method == "key":
        part_of = _parts_at(unit_interval(_hashes(frame[column], column, salt)), edges)
    else:
        order = hash64(np.arange(len(frame)), salt)
        codes = np.zeros(len(frame), dtype=np.int64)
        if method == "stratified":
            found = class_codes(frame[column])
            if found is None:
                raise InvalidInput(f"column {column!r} holds no classes: {frame[column].iloc[0]!r:.60}; {_OTHERWISE}")
            codes = found
        part_of = _parts_within(order, codes, edges)
    masks = {part: part_of == position for position, part in enumerate(shares)}
    for part, mask in masks.items():
        if not mask.any():
            whole, otherwise = f"{len(frame):,} rows", ""
            if method == "key":
                whole, otherwise = (
                    f"{frame[column].nunique(dropna=False):,} values of {column!r}",
                    ", or method='random'",
                )
            raise InvalidInput(
                f"the part {name}.{part} would have no rows: {shares[part]:.3g} of {whole}, method {method!r}; "
                f"give it a larger share, or another seed{otherwise}"
            )
    return masks


_OTHERWISE = "split with method='random', or by=… another column"


def _hashes(values: pd.Series, column: Any, salt: str) -> np.ndarray:
    try:
        return hash64(values, salt)
    except InvalidInput as error:
        raise InvalidInput(f"rows cannot be placed by column {column!r}: {error}; {_OTHERWISE}") from error


def _parts_at(place: np.ndarray, edges: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.minimum(np.searchsorted(edges, place, side="right"), len(edges) - 1)


def _parts_within(order: np.ndarray, codes: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the part of each row: shares hold exactly in the whole, up to rounding, and nearly in each class.

    The rows of a class, in the order of their hash, fill one part after the other. How many go where is rounded class
    by class; where that misses the whole, as it must with classes of two, single rows of the classes with the largest
    excess move on.
    """
    import numpy as np

    rows, parts = len(order), len(edges)
    sizes = np.bincount(codes)
    by_class = np.lexsort((order, codes))
    starts = np.cumsum(sizes) - sizes
    ranks = np.empty(rows, dtype=np.int64)
    ranks[by_class] = np.arange(rows) - np.repeat(starts, sizes)
    rounded = _parts_at((ranks + 0.5) / sizes[codes], edges)
    counts = np.bincount(codes * parts + rounded, minlength=len(sizes) * parts).reshape(-1, parts)
    wanted = np.bincount(_parts_at((np.arange(rows) + 0.5) / rows, edges), minlength=parts)
    ideal = sizes[:, None] * np.diff(edges, prepend=0.0)
    _even_out(counts, wanted, ideal, order[by_class][starts])
    ends = counts.cumsum(axis=1)
    found: np.ndarray = (ranks[:, None] >= ends[codes]).sum(axis=1)
    return found


def _even_out(counts: np.ndarray, wanted: np.ndarray, ideal: np.ndarray, lots: np.ndarray) -> None:
    """Move single rows between parts, at most one of a class at a time, until each part has the rows it should."""
    import numpy as np

    while (spare := counts.sum(axis=0) - wanted).any():
        giving, taking = int(spare.argmax()), int(spare.argmin())
        excess = (counts - ideal)[:, giving] - (counts - ideal)[:, taking]
        able = np.flatnonzero(counts[:, giving])
        # where classes are alike, the lot decides, and as among rows: the largest go into the later part
        lot = lots[able] if giving > taking else ~lots[able]
        moved = able[np.lexsort((lot, -excess[able]))[: min(spare[giving], -spare[taking])]]
        counts[moved, giving] -= 1
        counts[moved, taking] += 1
