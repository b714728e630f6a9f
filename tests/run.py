"""Runs every test that has been built, and counts: the last line is `N passed, N failed`.

The cmocka programs run from the folder of the project, as do the pytest files; both know their own results. One that
dies counts as one failure. They run beside one another, one on each core, so no test may rely on the machine being its own.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VARIANTS = ("debug", "san", "double")


def told(name: str, passed: int, failed: int, start: float, output: str) -> tuple[int, int]:
    """Prints the line of a program or file of tests, and what it said if it failed."""
    line = f"  {name:44s} {passed:4d} passed {failed:3d} failed  {time.monotonic() - start:6.1f} s\n"
    sys.stdout.write(line + (output if failed else ""))
    sys.stdout.flush()
    return passed, failed


def run_program(program: Path) -> tuple[int, int]:
    """(passed, failed) of one cmocka program."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="stdout", ASAN_OPTIONS="detect_leaks=1:abort_on_error=0")
    start = time.monotonic()
    done = subprocess.run([program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, errors="replace")
    output = done.stdout + done.stderr
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \].*? (\d+) test\(s\), listed below", output))
    if failed == 0 and (done.returncode != 0 or passed == 0):
        failed = 1
        output += f"{program}: ended with status {done.returncode} after {passed} tests\n"
    return told(str(program.relative_to(ROOT / "build")), passed, failed, start, output)


def run_file(path: Path) -> tuple[int, int]:
    """(passed, failed) of one file of tests in Python."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report}", str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        output = done.stdout + done.stderr
        passed = failed = 0
        if report.exists():
            suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
            failed = int(suite.get("failures")) + int(suite.get("errors"))
            passed = int(suite.get("tests")) - int(suite.get("skipped")) - failed
    if done.returncode != 0 and failed == 0:
        failed = 1
    return told(str(path.relative_to(ROOT)), passed, failed, start, output)


def run(test: tuple[Callable, Path]) -> tuple[int, int]:
    """One that hangs, or is killed while it writes its report, is a failure beside the others."""
    function, path = test
    start = time.monotonic()
    try:
        return function(path)
    except (subprocess.TimeoutExpired, xml.etree.ElementTree.ParseError) as error:
        return told(str(path.relative_to(ROOT)), 0, 1, start, f"{error}\n")


def main() -> int:
    """The files in Python come first, since the longest are among them."""
    tests = [(run_file, path) for folder in ("mpi", "e2e", "golden") for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))]
    counts = []
    for variant in VARIANTS:
        programs = sorted(p for p in (ROOT / "build" / variant / "tests").glob("test_*") if not p.suffix)
        if not programs:
            print(f"no tests are built in build/{variant}/tests")
            counts.append((0, 1))
        tests += [(run_program, program) for program in programs]
    with ThreadPoolExecutor(os.cpu_count()) as cores:
        counts += cores.map(run, tests)
    passed, failed = (sum(column) for column in zip(*counts))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
