"""What the log means: nouns, changes, the index they fold into, and questions asked of it.

Pure: no input, no output, no clock. Three ideas carry it.

- Nouns are data. Names, versions, pointers, marks and facts fold alike, whatever they are of; a table of nouns
  (`mlcycle.state._nouns`) has their words and manners. A noun nobody here knows folds, rolls back, drops, restores and
  keeps its files like any other.
- The state only grows, and every item carries its entry. The project as it stood after entry n is the same state looked
  at with n: nothing is folded twice, nothing is copied, and a view taken once never moves while the log goes on.
- The state is an index over the log, not a copy of it. What a version or a fact says stays in its entry, which never
  changes, and is read when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlcycle._lazy import lazy_names

if TYPE_CHECKING:
    from mlcycle.state._change import Change, Moved, read_changes
    from mlcycle.state._change_kinds import (
        KINDS,
        MARKS,
        FactAdd,
        NameSet,
        PointerMove,
        ProjectCreate,
        ProjectRollback,
        StoreCopied,
        TagSet,
        VersionAdd,
        VersionMark,
    )
    from mlcycle.state._committed import Fact, PointerChange, Stamp, Version, stamp_of
    from mlcycle.state._entries_about import entries_about
    from mlcycle.state._file_changes import Place, Sweep
    from mlcycle.state._fold import ProjectFold
    from mlcycle.state._history_text import entry_text, kind_of, only_keeps
    from mlcycle.state._index import Name, State
    from mlcycle.state._live_files import LiveFiles, find_live_files
    from mlcycle.state._nouns import NOUNS, Noun, noun
    from mlcycle.state._plans import (
        check_guards,
        check_stands,
        check_unmoved,
        drop,
        guards_on,
        restore,
        roll_back,
        roll_project_back,
    )
    from mlcycle.state._refs import every_ref, read_ref, resolve
    from mlcycle.state._rollbacks import moves_to, pointer_moves, would_change
    from mlcycle.state._route_warnings import DECIDES
    from mlcycle.state._status import status_of
    from mlcycle.state._topics import Topic
    from mlcycle.state._view import View

_HOMES = {
    "_change": ("Change", "Moved", "read_changes"),
    "_change_kinds": (
        "KINDS",
        "MARKS",
        "FactAdd",
        "NameSet",
        "PointerMove",
        "ProjectCreate",
        "ProjectRollback",
        "StoreCopied",
        "TagSet",
        "VersionAdd",
        "VersionMark",
    ),
    "_route_warnings": ("DECIDES",),
    "_entries_about": ("entries_about",),
    "_file_changes": ("Place", "Sweep"),
    "_fold": ("ProjectFold",),
    "_index": ("Name", "State"),
    "_live_files": ("LiveFiles", "find_live_files"),
    "_nouns": ("NOUNS", "Noun", "noun"),
    "_plans": (
        "check_guards",
        "check_stands",
        "check_unmoved",
        "drop",
        "guards_on",
        "restore",
        "roll_back",
        "roll_project_back",
    ),
    "_refs": ("every_ref", "read_ref", "resolve"),
    "_rollbacks": ("moves_to", "pointer_moves", "would_change"),
    "_committed": ("Fact", "PointerChange", "Stamp", "Version", "stamp_of"),
    "_status": ("status_of",),
    "_topics": ("Topic",),
    "_view": ("View",),
    "_history_text": ("entry_text", "kind_of", "only_keeps"),
}

__all__ = [
    "DECIDES",
    "KINDS",
    "MARKS",
    "NOUNS",
    "Change",
    "Fact",
    "FactAdd",
    "LiveFiles",
    "Moved",
    "Name",
    "NameSet",
    "Noun",
    "Place",
    "PointerChange",
    "PointerMove",
    "ProjectCreate",
    "ProjectFold",
    "ProjectRollback",
    "Stamp",
    "State",
    "StoreCopied",
    "Sweep",
    "TagSet",
    "Topic",
    "Version",
    "VersionAdd",
    "VersionMark",
    "View",
    "check_guards",
    "check_stands",
    "check_unmoved",
    "drop",
    "entries_about",
    "entry_text",
    "every_ref",
    "find_live_files",
    "guards_on",
    "kind_of",
    "moves_to",
    "noun",
    "only_keeps",
    "pointer_moves",
    "read_changes",
    "read_ref",
    "resolve",
    "restore",
    "roll_back",
    "roll_project_back",
    "stamp_of",
    "status_of",
    "would_change",
]

if not TYPE_CHECKING:  # a type checker takes a name that is not listed above for a mistake
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
