import fcntl
import os
import sys
from importlib.util import find_spec

# A shell's first line: an interpreter's may be neither long nor with spaces.
PIP = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import runpy, sys
from importlib.util import find_spec
if not find_spec("pip"):
    sys.exit("pip is not installed, and this Python does not bring it: install python3-pip or python3-venv")
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def make(home):
    import venv

    bring_pip = bool(find_spec("ensurepip")) and not find_spec("pip")
    venv.create(home, system_site_packages=True, symlinks=True, with_pip=bring_pip)
    if bring_pip:
        return
    for name in ("pip", "pip3"):
        path = os.path.join(home, "bin", name)
        with open(path, "w") as file:
            file.write(PIP.format(python=os.path.join(home, "bin", "python3")))
        os.chmod(path, 0o755)


def main(home, lock):
    lock = os.path.join(home, lock)
    if os.path.exists(home) and not os.path.exists(lock):
        return
    os.makedirs(home, exist_ok=True)
    with open(lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if os.path.exists(lock):
            make(home)
            os.unlink(lock)


try:
    main(*sys.argv[1:])
except Exception as error:
    print(f"[no Python environment in {sys.argv[1]}: {error}]", file=sys.stderr, flush=True)
