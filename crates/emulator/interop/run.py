#!/usr/bin/env python3
"""Proves the emulator with clients and models that its authors did not write.

    python3 crates/emulator/interop/run.py [--emulator PATH] [--write] [TEST ...]

Makes a virtual environment, installs the pinned packages from PyPI, builds the emulator (or takes
the one that is given), and runs the tests against it. Ends with an error when one fails. `--write`
writes the table of `moto.md` anew instead of comparing it.
"""

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
CACHES = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
CACHE = pathlib.Path(os.environ.get("MCP_GATEWAY_CACHE") or CACHES / "mcp-gateway-operator")


def environment() -> pathlib.Path:
    """The interpreter of a virtual environment that has exactly the pinned packages."""
    pins = HERE / "requirements.txt"
    key = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:16]
    home = CACHE / f"interop-{key}"
    python = home / "bin" / "python"
    done = home / "installed"
    if not done.exists():
        venv.create(home, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--requirement", pins], check=True)
        # Last, so that an installation that was interrupted is begun again.
        done.touch()
    return python


def build() -> str:
    """Builds the emulator and tells where the binary is."""
    command = ["cargo", "build", "--package", "emulator", "--bin", "agentcore-emulator"]
    output = subprocess.run(
        [*command, "--message-format=json-render-diagnostics"],
        check=True, cwd=HERE, stdout=subprocess.PIPE, text=True,
    ).stdout
    artifacts = (json.loads(line) for line in output.splitlines())
    return [found for line in artifacts if (found := line.get("executable"))][-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--emulator", help="a built agentcore-emulator")
    parser.add_argument("--write", action="store_true", help="write moto.md anew")
    parser.add_argument("tests", nargs="*", help="unittest names, such as test_model")
    options = parser.parse_args()
    # The pins may need a moment; a broken build should not have to wait for them.
    emulator = options.emulator or build()
    python = environment()
    what = options.tests or ["discover", "--start-directory", str(HERE)]
    settings = {"EMULATOR": str(pathlib.Path(emulator).resolve())}
    if options.write:
        settings["WRITE_TABLE"] = "1"
    command = [python, "-B", "-W", "error::ResourceWarning", "-m", "unittest", *what]
    return subprocess.run(command, cwd=HERE, env={**os.environ, **settings}).returncode


if __name__ == "__main__":
    sys.exit(main())
