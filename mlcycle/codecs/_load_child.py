"""The other side of `mlcycle.codecs._fresh_interpreter`: a Python that knows nothing of the program that started it.

It reads requests from its standard input, a JSON document a line, and answers each on its standard output. A model that
prints, reads or kills does so in a fork of its own, for which the standard streams lead nowhere. Where Python cannot
fork, one request is answered, and that is the end of it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import signal
from pathlib import Path
from typing import Any

from mlcycle._error_text import error_text
from mlcycle.errors import InvalidInput, MlcycleError, SchemaError, UntrustedModel

__all__ = ["of_death", "serve"]

Doc = dict[str, Any]
# Seconds without a request after which it ends: promotions come in bursts, and what it has imported takes 150 MB.
_IDLE = 60.0
_CHUNK = 1 << 16
_MAIN = ("__main__", "__mp_main__")


def of_death(status: int) -> Doc:
    """Return what is answered for a process that ended before it could answer.

    Examples
    --------
    >>> of_death(3)
    {'outcome': 'fails', 'detail': 'Python itself was ended by it, with exit status 3'}
    >>> of_death(-11)["detail"]
    'Python itself crashed over it (SIGSEGV)'
    """
    if status >= 0:
        return {"outcome": "fails", "detail": f"Python itself was ended by it, with exit status {status}"}
    name = f"signal {-status}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-status).name
    if name == "SIGKILL":
        told = "it was killed (SIGKILL), as the kernel does where memory runs out; that says nothing of the model"
        return {"outcome": "untold", "detail": told}
    return {"outcome": "fails", "detail": f"Python itself crashed over it ({name})"}


def serve(*, forks: bool) -> None:
    """Say that it is there, then answer until nobody asks any more."""
    requests, answers = _own_streams()
    try:
        import joblib  # noqa: F401 - what every model file needs is imported once, and not by each fork
        import sklearn  # noqa: F401
        import skops.io  # noqa: F401

        import mlcycle.codecs._models  # noqa: F401
    except Exception as error:  # noqa: BLE001 - of whatever is installed
        _tell(answers, {"broken": error_text(error)})
        return
    if forks and os.fork():
        os._exit(0)  # so that whoever started it need not wait for its end, and the system does
    _tell(answers, {"ready": True, "pid": os.getpid()})
    received = b""
    while True:
        if forks and not select.select([requests], [], [], _IDLE)[0]:
            return
        received += (part := os.read(requests, _CHUNK))
        if not part:
            return
        if not received.endswith(b"\n"):
            continue
        request, received = json.loads(received), b""
        if not forks:
            _tell(answers, _answer(request))
            os._exit(0)  # threads a model has started keep nobody waiting
        if request["example"] is not None:
            _warm_up()
        if not _answer_in_fork(request, requests, answers):
            return


def _warm_up() -> None:
    """Import what every answer needs; scikit-learn has much of it imported by the first table it sees."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401
    from sklearn.preprocessing import StandardScaler

    import mlcycle.codecs._inputs
    import mlcycle.codecs._signatures  # noqa: F401

    # no estimator that computes in threads, which a fork would be without
    StandardScaler().fit_transform(pd.DataFrame({"x": [0.0, 1.0]}))


def _own_streams() -> tuple[int, int]:
    """Take the standard streams for what is said here, and have those of whoever prints lead nowhere."""
    requests, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    return requests, answers


def _tell(descriptor: int, document: Doc) -> None:
    rest = json.dumps(document).encode() + b"\n"
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _answer_in_fork(request: Doc, requests: int, answers: int) -> bool:
    """Answer a request from a fork, which is killed with all it has started; say whether anybody is still there."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        _fork_main(request, told, tell, requests, answers)
    os.close(tell)
    with contextlib.suppress(OSError):  # it does so too: whoever is first, it has a group of its own by now
        os.setpgid(pid, pid)
    said, heard = b"", True
    while heard and not said.endswith(b"\n"):
        # nothing is asked before the answer is there, so what can be read of the requests is their end
        heard = requests not in select.select([told, requests], [], [])[0]
        said += (part := os.read(told, _CHUNK) if heard else b"")
        if not part:
            break
    os.close(told)
    complete = said.endswith(b"\n")
    if complete or not heard:
        _kill(pid)
    died = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    _kill(pid)  # what it started, and left behind
    if heard:
        os.write(answers, said if complete else json.dumps(of_death(died)).encode() + b"\n")
    return heard


def _kill(group: int) -> None:
    with contextlib.suppress(OSError):  # it is gone already
        os.killpg(group, signal.SIGKILL)


def _fork_main(request: Doc, told: int, tell: int, requests: int, answers: int) -> None:
    try:
        os.setpgid(0, 0)  # so that it is killed with all it has started
        for one in (told, requests, answers):
            os.close(one)
        signal.alarm(int(request["patience"]) + 1)  # should nobody be left to kill it
        os.environ.clear()
        os.environ.update(request["environ"])  # of now, and not of when this Python was started
        _first_to_go()
        _tell(tell, _answer(request))
    finally:
        os._exit(0)


def _first_to_go() -> None:
    """Have the kernel kill this, and not the program that asks, where memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _answer(request: Doc) -> Doc:
    """Load a model, and have it answer its example; say what became of it, and in words what is wrong."""
    from mlcycle.codecs._models import load_model

    os.chdir(request["folder"])
    loaded = False
    try:
        model = load_model(request["model"], request["format"], trust=request["trust"], label=request["label"])
        loaded = True
        return {"outcome": "loads", "answered": _answers(model, request["signature"], request["example"])}
    except UntrustedModel as error:
        missing = [name for name in request["local"] if not _is_found(name.partition(".")[0])]
        return {"outcome": "untrusted", "detail": str(error), "missing": missing}
    except MemoryError:
        return {"outcome": "untold", "detail": "it ran out of memory"}
    except BaseException as error:  # noqa: BLE001 - one that exits, too
        if isinstance(error, InvalidInput | SchemaError) and not loaded:  # what a newer mlcycle wrote
            return {"outcome": "untold", "detail": str(error)}
        # what a loader of ours says of it comes after what Python said
        ours = isinstance(error, MlcycleError) and not isinstance(error, InvalidInput | SchemaError)
        told = error_text((error.__cause__ if ours else None) or error)
        return {"outcome": "fails", "detail": f"it loads, but predict says {told}" if loaded else told}


def _is_found(module: str) -> bool:
    """Say whether a module that is in no package can be imported here, without importing it."""
    if module in _MAIN:  # there is one in every program, and each time it is another
        return False
    importlib.invalidate_caches()
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _answers(model: Any, signature: Doc | None, example: str | None) -> bool:
    """Have a model answer its example, as it would in service; say whether there was one it could be asked."""
    if signature is None or example is None:
        return False
    import pyarrow.parquet as pq

    from mlcycle.codecs._inputs import check_inputs
    from mlcycle.codecs._models import has_method
    from mlcycle.codecs._rows import own_rows
    from mlcycle.codecs._signatures import complete_signature

    try:
        # threads for twenty rows cost more than they save
        frame = pq.ParquetFile(example).read(use_threads=False).to_pandas(use_threads=False)
        rows = own_rows(check_inputs(complete_signature(signature, model) or signature, frame))
    except Exception:  # noqa: BLE001 - not every row comes back from Parquet as what it was: that says nothing of a model
        return False
    method = "predict" if "predict" in signature.get("methods", ()) else "transform"
    if not has_method(model, method):
        return False
    getattr(model, method)(rows)
    return True
