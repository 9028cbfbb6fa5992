"""The far end of a driver: one request a line on standard input, one answer a line on standard output."""

import json
import sys
import traceback


def serve(operations):
    """Serves `operations` (name -> function of keyword arguments) until standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            operation = operations[request["op"]]
            answer = {"id": request["id"], "result": operation(**(request["argument"] or {}))}
        except Exception as error:  # whatever a client raises is the check's finding
            where = traceback.format_exc().strip().splitlines()[-3:]
            answer = {"id": request["id"], "error": f"{type(error).__name__}: {error} {where}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def text(value):
    """Bytes as the text that was sent; None stays None."""
    return None if value is None else bytes(value).decode()


def data(value):
    """Text as bytes; None stays None."""
    return None if value is None else value.encode()
