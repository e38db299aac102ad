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

from mlcycle.state._asked import DECIDES, all_covered, asked_of_models, covers_today, on_data
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
from mlcycle.state._entries_about import entries_about
from mlcycle.state._file_changes import Place, Sweep
from mlcycle.state._fold import ProjectFold
from mlcycle.state._history_text import entry_text, kind_of, only_keeps
from mlcycle.state._index import Name, State
from mlcycle.state._judged_on import (
    LOOK,
    data_named,
    evaluations_on,
    first_judged,
    judged_on,
    root_key,
    was_judged,
)
from mlcycle.state._live_files import LiveFiles, find_live_files
from mlcycle.state._nouns import NOUNS, Noun, noun
from mlcycle.state._plans import (
    check_guards,
    check_latest_unmoved,
    check_stands,
    check_unmoved,
    drop,
    guards_on,
    restore,
    roll_back,
    roll_project_back,
)
from mlcycle.state._resolve_refs import alias_not_found, every_ref, read_ref, reference_of, resolve
from mlcycle.state._rollbacks import moves_to, pointer_moves, would_change
from mlcycle.state._topics import Topic
from mlcycle.state._version import Fact, PointerChange, Stamp, Version, stamp_of
from mlcycle.state._view import View
from mlcycle.state.status import status_of

__all__ = [
    "DECIDES",
    "KINDS",
    "LOOK",
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
    "alias_not_found",
    "all_covered",
    "asked_of_models",
    "check_guards",
    "check_latest_unmoved",
    "check_stands",
    "check_unmoved",
    "covers_today",
    "data_named",
    "drop",
    "entries_about",
    "entry_text",
    "evaluations_on",
    "every_ref",
    "find_live_files",
    "first_judged",
    "guards_on",
    "judged_on",
    "kind_of",
    "moves_to",
    "noun",
    "on_data",
    "only_keeps",
    "pointer_moves",
    "read_changes",
    "read_ref",
    "reference_of",
    "resolve",
    "restore",
    "roll_back",
    "roll_project_back",
    "root_key",
    "stamp_of",
    "status_of",
    "was_judged",
    "would_change",
]
