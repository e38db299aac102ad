"""The machine below: processor, cores, memory, container; each ``None`` or empty where it cannot be found out."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from pathlib import Path

__all__ = ["container", "cpu_name", "memory_bytes", "usable_cores"]


def cpu_name() -> str:
    """Return the model name of the processor.

    Examples
    --------
    >>> isinstance(cpu_name(), str)
    True
    """
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if sys.platform == "linux":
            return _cpu_of_linux(Path("/proc/cpuinfo").read_text(errors="replace"))
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, timeout=2, check=True).stdout.strip()
    return platform.processor()


def _cpu_of_linux(text: str) -> str:
    fields = dict(line.split(":", 1) for line in text.split("\n\n", 1)[0].splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in fields.items()}
    if "model name" in facts:
        return " ".join(facts["model name"].split())
    # ARM has no name there, only numbers of maker and part
    return " ".join(facts[name] for name in ("CPU implementer", "CPU part") if name in facts)


def usable_cores() -> int | None:
    """Return how many logical processors this process may use: affinity and a container's quota count.

    Examples
    --------
    >>> usable_cores() >= 1
    True
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count()
    quota = _cgroup("cpu.max").split()
    if count and len(quota) == 2 and quota[0].isdigit() and quota[1].isdigit() and int(quota[1]):
        count = min(count, max(1, -(-int(quota[0]) // int(quota[1]))))
    return count


def memory_bytes() -> int | None:
    """Return the bytes of memory this process may use: the machine's, or less in a container.

    Examples
    --------
    >>> memory_bytes() > 2**20
    True
    """
    total: int | None = None
    if sys.platform == "win32":
        total = _memory_of_windows()
    else:
        with contextlib.suppress(OSError, ValueError):
            total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _cgroup("memory.max")
    if limit.isdigit():
        total = min(total, int(limit)) if total else int(limit)
    return total or None


def _memory_of_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *(
                (name, ctypes.c_ulonglong)
                for name in ("total", "free", "page", "page_free", "virtual", "v_free", "ext")
            ),
        )

    status = Status()
    status.length = ctypes.sizeof(status)
    library = getattr(ctypes, "windll", None)
    if library is None or not library.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.total)


def _cgroup(name: str) -> str:
    """Return a limit of this process's control group (version 2), or nothing."""
    if sys.platform != "linux":
        return ""
    with contextlib.suppress(OSError):
        own = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2].strip("/")
        for folder in (Path("/sys/fs/cgroup", own), Path("/sys/fs/cgroup")):
            if (folder / name).is_file():
                return (folder / name).read_text().strip()
    return ""


def container() -> str | None:
    """Return the kind of container this runs in, or ``None`` if there is no sign of one.

    Examples
    --------
    >>> container() in (None, "docker", "podman", "kubernetes", "container")
    True
    """
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "kubernetes"
    for sign, kind in (("/run/.containerenv", "podman"), ("/.dockerenv", "docker")):
        if Path(sign).exists():
            return kind
    with contextlib.suppress(OSError):
        groups = Path("/proc/1/cgroup").read_text()
        if "kubepods" in groups:
            return "kubernetes"
        if "docker" in groups or "containerd" in groups:
            return "container"
    return None
