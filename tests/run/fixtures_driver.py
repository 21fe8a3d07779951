"""Run fixture scripts one after the other in this process, and write what each did: used by
test_fixtures.py.
"""

import contextlib
import io
import json
import os
import runpy
import sys
import warnings


def count(script: str) -> dict[str, object]:
    from perfcheck.capture.counting import Counting
    from perfcheck.run.steps import Steps, watch

    counting = Counting()
    steps = Steps(counting)
    counting.start()
    unwatch = watch(steps)
    counting.open()
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            runpy.run_path(script, run_name="__main__")
    finally:
        counting.close()
        unwatch()
        counting.stop()
    counted = [one for one in counting.counted(steps.count) if one.path == os.path.realpath(script)]
    return {
        "out": out.getvalue(),
        "steps": steps.count,
        "events": [[one.line, one.event, one.count, one.phase] for one in counted],
    }


def plain(script: str) -> dict[str, object]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(script, run_name="__main__")
    return {"out": out.getvalue()}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    function = {"count": count, "plain": plain}[sys.argv[1]]
    found = {}
    for script in sys.argv[2:]:
        try:
            found[script] = function(script)
        except Exception as error:  # told with the others' results
            found[script] = {"error": f"{type(error).__name__}: {error}"}
    json.dump(found, sys.stdout)
