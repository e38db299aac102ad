"""The list of what a skops file may rebuild."""

from __future__ import annotations

import contextlib
import importlib
import warnings

import pytest
import sklearn
from sklearn.utils import all_estimators

from mlcycle.codecs import _trusted_types
from mlcycle.codecs._trusted_types import FUNCTIONS, LOSSES, OBJECTS, TYPES, report_types
from mlcycle.errors import Corrupt, SchemaError

NODE = {"__module__": "builtins", "__class__": "list", "__loader__": "ListNode", "content": [], "protocol": 2}
# What skops refuses to write, or what needs a scikit-learn newer than the oldest supported.
NOT_LISTED = {"sklearn.cluster._birch.Birch"}


def _resolve(name):
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return None  # it belongs to another version of scikit-learn


@pytest.mark.parametrize("names", [OBJECTS, LOSSES], ids=["objects", "losses"])
def test_listed_objects_are_classes_under_their_own_name(names):
    """Every name is a class where it says, and most of them exist here."""
    found = {name: _resolve(name) for name in names}
    assert all(isinstance(kind, type) for kind in found.values() if kind is not None)
    assert sum(kind is not None for kind in found.values()) > 0.7 * len(found)


def test_listed_functions_are_functions_of_packages_we_depend_on():
    """Every function is callable, no class, and of Python or one of four packages."""
    found = {name: _resolve(name) for name in FUNCTIONS}
    assert {
        name for name, value in found.items() if value is not None and (isinstance(value, type) or not callable(value))
    } == set()
    assert {name.partition(".")[0] for name in FUNCTIONS} == {"builtins", "numpy", "pandas", "scipy", "sklearn"}


def test_listed_functions_are_found():
    """Most names stand for something here; the others belong to another release."""
    found = {name: _resolve(name) for name in FUNCTIONS | TYPES}
    assert {name for name, value in found.items() if value is None and not name.startswith(("pandas.", "scipy."))} <= {
        "numpy.bool_",
        "numpy.cumulative_prod",
        "numpy.cumulative_sum",
        "numpy.matrix_transpose",
        "numpy.astype",
        "sklearn.metrics._classification.d2_brier_score",
    }


def test_listed_types_do_nothing_with_a_text():
    """A type may be called with a text, as the type of a key: it makes a value of it, or refuses."""
    kinds = [kind for kind in map(_resolve, TYPES) if kind is not None]
    assert all(isinstance(kind, type) for kind in kinds)
    for kind in kinds:
        with contextlib.suppress(TypeError, ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind("os.system")


def test_no_estimator_is_forgotten():
    """Every estimator of the scikit-learn the list was made with is on it; a newer one may bring more."""
    names = {f"{kind.__module__}.{kind.__name__}" for _, kind in all_estimators()}
    missing = names - OBJECTS - NOT_LISTED
    assert not missing or tuple(map(int, sklearn.__version__.split(".")[:2])) > (1, 9)


def test_dangerous_names_are_not_listed():
    """Nothing that evaluates, imports, opens or calls what a file says."""
    every = OBJECTS | LOSSES | FUNCTIONS | TYPES
    for name in (
        "builtins.eval",
        "builtins.getattr",
        "builtins.map",
        "numpy.load",
        "numpy.fromfile",
        "numpy.memmap",
        "numpy.save",
        "numpy.apply_along_axis",
        "numpy.vectorize",
        "operator.methodcaller",
        "os.system",
        "scipy.stats._continuous_distns.norm_gen",
        "sklearn.datasets._base.load_files",
        "sklearn.metrics._dist_metrics.PyFuncDistance64",
        "sklearn.utils._joblib.Memory",
        "joblib.memory.Memory",
    ):
        assert name not in every


def test_ufuncs_are_recognised_by_being_ufuncs():
    """Arithmetic of numpy and scipy.special is trusted by what it is; other functions there are not."""
    for module, name, expected in [
        ("numpy", "log1p", ()),
        ("scipy.special", "expit", ()),
        ("scipy.special._ufuncs", "logit", ()),
        ("numpy", "load", ("numpy.load",)),
        ("numpy", "frompyfunc", ("numpy.frompyfunc",)),
        ("scipy.special", "test", ("scipy.special.test",)),
        ("no.such.module", "exp", ("no.such.module.exp",)),
    ]:
        node = {"__module__": module, "__class__": name, "__loader__": "FunctionNode", "protocol": 2}
        assert report_types(node).untrusted == expected


def test_a_name_is_trusted_for_one_way_only():
    """An estimator may be rebuilt from its state, and not called with arguments of the file."""
    for loader, expected in [("ObjectNode", 0), ("TypeNode", 1), ("FunctionNode", 1), ("ConstructorFromReduceNode", 1)]:
        node = {"__module__": "sklearn.svm._classes", "__class__": "SVC", "__loader__": loader, "protocol": 2}
        assert len(report_types(node).untrusted) == expected


def test_vouched_names_are_the_callers():
    """Names of the caller are allowed in any way; a bound method needs its own name as well."""
    inner = {"__module__": "mine", "__class__": "Model", "__loader__": "ObjectNode"}
    node = {**inner, "__loader__": "MethodNode", "content": {"func": "run", "obj": inner}, "protocol": 2}
    assert report_types(node).untrusted == ("mine.Model", "mine.Model.run")
    assert report_types(node, ["mine.Model"]).untrusted == ("mine.Model.run",)
    assert report_types(node, ["mine.Model", "mine.Model.run"]).untrusted == ()
    assert report_types(node).class_name == "mine.Model"


def test_documents_that_skops_does_not_write_are_corrupt():
    """Missing names, unknown loaders and other shapes are damage; another protocol is a newer file."""
    for node in (None, [], {}, {"__loader__": 1}, {**NODE, "__class__": None}, {**NODE, "__loader__": "CachedNode"}):
        with pytest.raises(Corrupt):
            report_types(node)
    for protocol in (True, 0, 1, 3, "2", None):
        with pytest.raises(SchemaError, match="upgrade mlcycle"):
            report_types({**NODE, "protocol": protocol})
    seed = {"content": {"seed_seq": {"content": {"pool_size": {"content": "1000000"}}}}}
    with pytest.raises(Corrupt, match="seed pool"):
        report_types({**NODE, **seed, "__loader__": "RandomGeneratorNode"})


def test_depth_is_no_way_to_hide():
    """A name below ten thousand lists is found, without recursion."""
    node = {"__module__": "os", "__class__": "system", "__loader__": "FunctionNode"}
    for _ in range(10_000):
        node = {**NODE, "content": [node]}
    assert report_types(node).untrusted == ("os.system",)


def test_versions_are_read_from_the_state():
    """The version an estimator was fitted with stands in its state."""
    state = {"_sklearn_version": {"content": '"1.5.1"'}}
    assert report_types(
        {**NODE, "content": [{"content": state, **{k: NODE[k] for k in NODE if k.startswith("__")}}]}
    ).sklearn_versions == {"1.5.1"}


def test_the_installed_skops_writes_what_is_read():
    """The protocol of the skops that is installed is one that is known here."""
    from skops.io._protocol import PROTOCOL

    assert PROTOCOL in _trusted_types.PROTOCOLS
