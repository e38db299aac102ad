"""Data as people see it: versions by their address, columns in a table that stays short."""

from __future__ import annotations

import pytest

from mlcycle.records import Column, DatasetVersion, Roles


def _version(columns: int = 0, **says: object) -> DatasetVersion:
    made = [Column(name=f"c{i}", type="int64", nulls=i) for i in range(columns)]
    return DatasetVersion(name="d.train", number=3, id="i", columns=made, **says)  # type: ignore[arg-type]


def test_a_version_is_called_by_its_address() -> None:
    """What it says of itself is told where it says something; zero rows are told."""
    assert (_version().ref, str(_version())) == ("d.train@3", "d.train@3")
    assert repr(_version()) == "DatasetVersion('d.train@3', rows=0, kind='blocks')"
    version = _version(2, rows=0, roles=Roles(target="y", group=7), parents="d@1", message="why")
    assert repr(version) == (
        "DatasetVersion('d.train@3', rows=0, columns=2, kind='blocks', target='y', group=7, parents=[d@1], "
        "message='why')"
    )


@pytest.mark.parametrize(("columns", "rows"), [(0, 0), (40, 40), (41, 40)])
def test_a_wide_table_is_cut_and_says_so(columns: int, rows: int) -> None:
    """A notebook shows the first columns of many, and of how many."""
    shown = _version(columns)._repr_html_()
    assert rows == sum(f">c{i}<" in shown for i in range(columns))
    assert ("the first 40 of 41 columns" in shown) == (columns > rows)
    assert (">missing<" in shown) == (columns > 0)


def test_versions_share_no_roles_or_columns() -> None:
    """Any sequence of columns becomes a tuple; roles left out are those of nobody."""
    columns = [Column(name="a", type="text")]
    version = DatasetVersion(name="d", number=1, id="i", columns=columns)
    columns.clear()
    assert (version.columns, version.roles) == ((Column(name="a", type="text"),), Roles())
    assert {version.roles.target, version.roles.key, version.roles.time, version.roles.group} == {None}
