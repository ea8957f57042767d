"""Switches around a server of AWS calls: they are counted, and one can be held.

    POST /switches {"call": N, "when": "before"}   the Nth call from here on is held before it is
                                                   done, or "after": done and not answered
    POST /switches {}                              none is held; what is held is given up
    GET /switches                                  [["ec2:RunInstances", 1], …], the calls from there on

When a call is held, a line on standard output says so. It ends without an answer: whoever asked is
gone by then.
"""

import collections
import io
import json
import threading
import urllib.parse


class Switches:
    """A WSGI application around another one."""

    def __init__(self, served):
        self.served = served
        self.lock = threading.Lock()
        self.calls = collections.Counter()
        self.left, self.when = 0, None
        self.given_up = threading.Event()

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if path == "/switches":
            if environ["REQUEST_METHOD"] == "POST":
                self.set(json.loads(body))
            told = json.dumps(list(self.calls.items())).encode()
            start_response("200 OK", [("Content-Length", str(len(told)))])
            return [told]
        environ["wsgi.input"] = io.BytesIO(body)
        environ["switches.body"] = body
        if path.startswith("/moto-api/"):
            return self.served(environ, start_response)
        name = name_of(environ, body)
        when, given_up = self.count(name)
        if when == "before":
            return self.hold(name, given_up, start_response)
        head = []
        answer = b"".join(self.served(environ, lambda *given: head.append(given)))
        if when == "after":
            return self.hold(name, given_up, start_response)
        start_response(*head[-1])
        return [answer]

    def set(self, switches):
        with self.lock:
            self.given_up.set()
            self.given_up = threading.Event()
            self.left, self.when = switches.get("call", 0), switches.get("when")
            self.calls.clear()

    def count(self, name):
        with self.lock:
            self.calls[name] += 1
            self.left -= 1
            return (self.when if self.left == 0 else None), self.given_up

    def hold(self, name, given_up, start_response):
        print(f"held {name}", flush=True)
        given_up.wait()
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return [b""]


def name_of(environ, body):
    """An action as policies write it, such as `ec2:RunInstances`."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0]
    service = scope.split("/")[3] if scope.count("/") == 4 else "unsigned"
    operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")[2]
    form = urllib.parse.parse_qs(body.decode(errors="replace"))
    return f"{service}:{operation or form.get('Action', [environ['PATH_INFO']])[0]}"
