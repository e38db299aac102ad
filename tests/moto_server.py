"""An S3 to test against: moto behind a lock, in a process of its own; prints its port, ends when its stdin does.

moto checks and then writes, and so loses races that S3 does not; one lock around each writing request mends that.
Buckets called ``nolist-…`` refuse listings and answer *forbidden* for absent keys, as S3 does to those without
``s3:ListBucket``; ``denied-…`` refuse everything; ``pages-…`` list twenty keys a page.

``GET /-/requests/<bucket>`` returns what was asked of a bucket and forgets it; ``PUT /-/faults/<bucket>`` takes a JSON
list of ``[method, part of the path, status, done]``, each for one coming request: answer it with that status, after
doing it or instead.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections import defaultdict

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_CODES = {403: "AccessDenied", 409: "ConditionalRequestConflict", 412: "PreconditionFailed", 501: "NotImplemented"}


class Quiet(WSGIRequestHandler):
    """Keeps connections open, as S3 does, and says nothing."""

    protocol_version = "HTTP/1.1"

    def log(self, *arguments):
        """Say nothing."""


class Gate:
    """The WSGI application in front of moto."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.Lock()
        self.requests = defaultdict(list)
        self.faults = defaultdict(list)

    def __call__(self, environ, start_response):
        """Answer one request."""
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        body = _body(environ)
        if path.startswith("/-/"):
            return self.control(path, body, start_response)
        bucket, _, key = path.lstrip("/").partition("/")
        if not key and method == "PUT":
            return self.forward(environ, body, start_response)
        query = environ.get("QUERY_STRING", "")
        self.requests[bucket].append(f"{method} {key}" + ("?" + query.split("=")[0] if query else ""))
        for fault in self.faults[bucket]:
            if fault[0] == method and fault[1] in f"{key}?{query}":
                self.faults[bucket].remove(fault)
                if fault[3]:
                    self.run(environ, body)
                return _error(start_response, fault[2])
        if bucket.startswith("denied-") or (bucket.startswith("nolist-") and "list-type" in query):
            return _error(start_response, 403)
        if bucket.startswith("pages-") and "list-type" in query:
            environ = {**environ, "QUERY_STRING": f"{query}&max-keys=20"}
        return self.forward(environ, body, start_response)

    def forward(self, environ, body, start_response):
        """Let moto answer, and hide absence where listing is forbidden."""
        status, headers, answer = self.run(environ, body)
        if environ["PATH_INFO"].startswith("/nolist-") and status.startswith("404"):
            return _error(start_response, 403)
        start_response(status, headers)
        return [answer]

    def run(self, environ, body):
        """Return moto's answer; one request at a time."""
        seen = {}

        def start(status, headers, exc_info=None):
            seen["status"], seen["headers"] = status, headers

        with self.lock:
            answer = b"".join(self.moto({**environ, "wsgi.input": io.BytesIO(body)}, start))
        return seen["status"], seen["headers"], answer

    def control(self, path, body, start_response):
        """Answer a question about the tests' own buckets."""
        _, _, what, bucket = path.split("/", 3)
        answer = b"[]"
        if what == "requests":
            answer = json.dumps(self.requests.pop(bucket, [])).encode()
        else:
            self.faults[bucket] = json.loads(body)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]


def _body(environ):
    if environ.get("wsgi.input_terminated"):  # werkzeug has undone the chunks
        return environ["wsgi.input"].read()
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _error(start_response, status):
    answer = f"<Error><Code>{_CODES.get(status, 'InternalError')}</Code><Message>planned</Message></Error>".encode()
    start_response(f"{status} Planned", [("Content-Type", "application/xml"), ("Content-Length", str(len(answer)))])
    return [answer]


def main():
    """Serve until stdin ends, which it does when the tests are gone, however they went."""
    server = make_server("127.0.0.1", 0, Gate(), threaded=True, request_handler=Quiet)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
