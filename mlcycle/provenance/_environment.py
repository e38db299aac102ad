"""Where code is running: installed distributions, Python, platform, processor, memory, thread settings."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs

from mlcycle._digest import canonical_json, sha256_bytes
from mlcycle._locks import renew_in_child
from mlcycle.provenance._machine import container, cpu_name, memory_bytes, usable_cores
from mlcycle.provenance._secrets import strip_credentials
from mlcycle.records import Environment, as_row, to_json

__all__ = ["capture_environment", "environment_changes", "identified"]

_THREAD_SETTINGS = (
    *(
        "OMP_NUM_THREADS",
        "OMP_THREAD_LIMIT",
        "OMP_DYNAMIC",
        "OMP_SCHEDULE",
        "OPENBLAS_NUM_THREADS",
        "OPENBLAS_CORETYPE",
    ),
    *("MKL_NUM_THREADS", "MKL_CBWR", "MKL_DYNAMIC", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT", "NPY_DISABLE_CPU_FEATURES"),
    *("CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG"),
)


_lock = threading.Lock()
renew_in_child(globals(), "_lock", threading.Lock)
_captured: Environment | None = None


def capture_environment(*, fresh: bool = False) -> Environment:
    """Return the environment of this process; captured once, then the same object, also after a fork.

    Parameters
    ----------
    fresh : bool, default False
        Capture again, e.g. after installing a package into a running notebook.

    Returns
    -------
    Environment
        Its ``digest`` is equal for equal environments: the same packages, Python, platform, processor, cores,
        memory and settings, on any machine. Another Python than CPython is named (``"PyPy 3.10.14"``), the platform
        is system, machine and C library (``"Linux x86_64 glibc 2.36"``), the kernel's release no part of it. Cores
        and memory are those this process may use, memory in whole GiB, so that equal machines are equal. Its
        ``detail`` has ``hash_seed``; ``sources``, where packages came from if not from an index; ``container`` if in
        one; and ``threadpools`` if threadpoolctl was imported already.

    Examples
    --------
    >>> environment = capture_environment()
    >>> "numpy" in environment.packages, environment is capture_environment()
    (True, True)
    """
    global _captured
    with _lock:
        if _captured is None or fresh:
            _captured = _capture()
        return _captured


def environment_changes(before: Environment, after: Environment) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two environments: name to (before, after), ``None`` for absent.

    Parameters
    ----------
    before, after : Environment
        Packages, settings and details are compared one by one.

    Examples
    --------
    >>> environment_changes(Environment(python="3.11.9", packages={"numpy": "2.1.0"}),
    ...                     Environment(python="3.11.9", packages={"numpy": "2.2.0", "attrs": "25.1.0"}))
    {'packages.attrs': (None, '25.1.0'), 'packages.numpy': ('2.1.0', '2.2.0')}
    """
    first, second = as_row(before), as_row(after)
    names = sorted((first.keys() | second.keys()) - {"digest"})
    return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}


def identified(environment: Environment) -> Environment:
    """Return an environment with the digest of what it says."""
    facts = {name: value for name, value in to_json(environment).items() if name not in ("type", "digest")}
    facts["detail"].pop("threadpools", None)  # which libraries are loaded depends on when one looks
    return attrs.evolve(environment, digest=sha256_bytes(canonical_json(facts)))


def _capture() -> Environment:
    packages, sources = _distributions()
    detail: dict[str, Any] = {"hash_seed": os.environ.get("PYTHONHASHSEED", "random")}
    for name, value in (("sources", sources), ("container", container()), ("threadpools", _threadpools())):
        if value:
            detail[name] = value
    implementation = platform.python_implementation()
    version = platform.python_version()
    memory = memory_bytes()
    environment = Environment(
        python=version if implementation == "CPython" else f"{implementation} {version}",
        platform=" ".join(part for part in (platform.system(), platform.machine(), *platform.libc_ver()) if part),
        cpu=cpu_name(),
        cores=usable_cores(),
        memory=None if memory is None else max(1, round(memory / 2**30)) * 2**30,
        threads={name: os.environ[name] for name in sorted(_THREAD_SETTINGS) if name in os.environ},
        packages=packages,
        detail=detail,
    )
    return identified(environment)


def _distributions() -> tuple[dict[str, str], dict[str, str]]:
    """Return versions by normalised name, and sources of what did not come from an index."""
    packages: dict[str, str] = {}
    sources: dict[str, str] = {}
    for distribution in metadata.distributions():
        name, version = _name_and_version(distribution)
        if name and name not in packages:  # the first on the path is the one that is imported
            packages[name] = version
            if source := _source(distribution):
                sources[name] = source
    return dict(sorted(packages.items())), dict(sorted(sources.items()))


def _name_and_version(distribution: metadata.Distribution) -> tuple[str, str]:
    # `distribution.version` parses the whole document as an e-mail: 10 times slower over an environment
    try:
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    except (OSError, UnicodeDecodeError):
        return "", ""
    name = version = ""
    for line in text[:4096].splitlines():
        if not line:
            break
        key, _, value = line.partition(":")
        if key == "Name":
            name = re.sub(r"[-_.]+", "-", value.strip()).lower()
        elif key == "Version":
            version = value.strip()
        if name and version:
            break
    return name, version


def _source(distribution: metadata.Distribution) -> str | None:
    """Return where a distribution came from (PEP 610): ``git+https://…@commit``, ``editable``, an archive, …."""
    try:
        told = json.loads(distribution.read_text("direct_url.json") or "null")
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict):
        return None
    url = str(told.get("url", ""))
    if isinstance(folder := told.get("dir_info"), dict):
        return "editable" if folder.get("editable") else "folder"
    if isinstance(control := told.get("vcs_info"), dict):
        return f"{control.get('vcs')}+{strip_credentials(url)}@{control.get('commit_id')}"
    return Path(url).name if url.startswith("file:") else strip_credentials(url)


def _threadpools() -> list[dict[str, Any]]:
    module = sys.modules.get("threadpoolctl")
    if module is None:
        return []
    keep = ("user_api", "internal_api", "num_threads", "version", "threading_layer", "architecture")
    try:
        return [{name: pool[name] for name in keep if name in pool} for pool in module.threadpool_info()]
    except Exception:  # noqa: BLE001 - a library without a version or a closed handle; this is only a detail
        return []
