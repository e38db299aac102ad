"""The rows that are split, and what must stay together among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mlcycle._digest import hash64, salt_of
from mlcycle.errors import InvalidInput
from mlcycle.lifecycle.datasets import tables

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from mlcycle import records

    Label = str | int

__all__ = ["Drawn", "Rows", "class_codes", "sides_of", "ties"]


@frozen(eq=False)
class Rows:
    """What is split.

    Attributes
    ----------
    name, shown : str
        The dataset, and its version as people see it.
    frame : pandas.DataFrame
        All columns.
    roles : dict
        Role to column, or None.
    """

    name: str
    shown: str
    frame: pd.DataFrame
    roles: dict[str, Any]

    def __len__(self) -> int:
        return len(self.frame)

    def role(self, role: str) -> Label:
        """Return the column of a role, or say how to give one."""
        column: Label | None = self.roles.get(role)
        if column is None:
            raise InvalidInput(
                f"{self.shown} has no column with the role {role!r}; say which one it is: "
                f"project.datasets.add({self.name!r}, …, {role}='column')"
            )
        return column

    def label(self, given: Any, argument: str) -> Label:
        """Return the label of a column that an argument names."""
        return tables.column_label(self.frame.columns.tolist(), given, argument, self.shown)

    def codes(self, column: Label, what: str = "places nothing") -> np.ndarray:
        """Return the number of each row's value, from 0; all missing values are one."""
        found = class_codes(self.frame[column])
        if found is None:
            raise InvalidInput(
                f"column {column!r} of {self.shown} {what}: its values cannot be compared, such as "
                f"{self.value(column, 0)!r:.60}; give by=… another column"
            )
        return found

    def groups(self) -> np.ndarray | None:
        """Return the number of each row's group; None without that role."""
        column = self.roles.get("group")
        return None if column is None else self.codes(column, "holds no groups")

    def units(self, column: Label) -> np.ndarray:
        """Return the number of what each row stays together with: rows of one value, and of one group."""
        values, group = self.codes(column), self.roles.get("group")
        return values if group in (None, column) else ties(values, self.codes(group, "holds no groups"))

    def lots(self, seed: int) -> np.ndarray:
        """Return what decides between rows that are alike: the published hash of their position."""
        import numpy as np

        return hash64(np.arange(len(self)), self.salt(seed))

    def salt(self, seed: int, purpose: str = "split") -> str:
        """Return the salt of all hashes of a split, or of those that serve another purpose in it."""
        return salt_of(purpose, self.name, str(seed))

    def value(self, column: Label, row: int) -> Any:
        """Return the value of a row in a column, as Python has it."""
        return self.frame[column].iloc[[row]].tolist()[0]


@frozen(eq=False)
class Drawn:
    """Which rows go where.

    Attributes
    ----------
    part_of : numpy.ndarray of int
        For each row the number of its part, in the order of the parts; -1 for none.
    part : Part
        How that was decided, the same for all parts.
    shares : dict
        Part to share, in order: as asked for, or as found.
    sides : numpy.ndarray of int8, optional
        What a splitter says of folds: 1 to train on, 2 to test on, 0 neither; one row a fold.
    """

    part_of: np.ndarray
    part: records.Part
    shares: dict[str, float]
    sides: np.ndarray | None = None

    def masks(self) -> dict[str, np.ndarray]:
        """Return, for each part, one truth value for each row."""
        return {name: self.part_of == number for number, name in enumerate(self.shares)}

    def parts(self) -> dict[str, records.Part]:
        """Return, for each part, how its rows were chosen. Each says its own share: all in each would be a square."""
        many = len(self.shares)
        return {
            name: evolve(self.part, share=share, place=place, of=many)
            for place, (name, share) in enumerate(self.shares.items(), start=1)
        }


def sides_of(drawn: Drawn, folds: int) -> np.ndarray:
    """Return for each fold and row: 1 to train on, 2 to test on, 0 for neither.

    In time order a fold is tested on by what lies before it; else, by all other folds.
    """
    import numpy as np

    if drawn.sides is not None:
        return drawn.sides
    ordered = drawn.part.method == "time"
    sides = np.zeros((folds, len(drawn.part_of)), dtype=np.int8)
    for number, side in enumerate(sides, start=1 if ordered else 0):
        earlier = drawn.part_of < number if ordered else drawn.part_of != number
        side[earlier & (drawn.part_of >= 0)] = 1
        side[drawn.part_of == number] = 2
    return sides


def class_codes(column: pd.Series) -> np.ndarray | None:
    """Return the number of each row's class, missing being one too; None where values are no classes, such as lists."""
    import pandas as pd

    try:
        return pd.factorize(column, use_na_sentinel=False)[0]
    except (TypeError, ValueError, NotImplementedError):  # what pandas and Arrow say of values they cannot compare
        return None


def ties(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return units of rows: rows that share a value in one of two columns are in one, and so on from row to row.

    They are the connected components of the graph whose nodes are the values and whose edges are the rows.

    Examples
    --------
    >>> import numpy as np
    >>> ties(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).tolist()
    [0, 0, 0, 1]
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    many = int(first.max()) + 1
    size = many + int(second.max()) + 1
    edges = coo_array((np.ones(len(first), dtype=np.int8), (first, many + second)), shape=(size, size))
    found: np.ndarray = connected_components(edges, directed=False)[1][first]
    return found
