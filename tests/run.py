"""Runs every test that has been built, and counts: the last line is `N passed, N failed`.

The cmocka programs run from the folder of the project, as do the pytest files; both know their own results. A program
that dies counts as one failure.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VARIANTS = ("debug", "san", "double")


def run_program(program: Path) -> tuple[int, int]:
    """(passed, failed) of one cmocka program."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="stdout", ASAN_OPTIONS="detect_leaks=1:abort_on_error=0")
    start = time.monotonic()
    done = subprocess.run([program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, errors="replace")
    output = done.stdout + done.stderr
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \].*? (\d+) test\(s\), listed below", output))
    if done.returncode != 0 and failed == 0:
        failed = 1
    if done.returncode == 0 and passed == 0:
        print(f"{program}: ran no test")
        failed = 1
    name = program.relative_to(ROOT / "build")
    print(f"  {str(name):40s} {passed:4d} passed {failed:3d} failed  {time.monotonic() - start:6.1f} s", flush=True)
    if failed:
        print(output)
    return passed, failed


def run_pytest() -> tuple[int, int]:
    """(passed, failed) of the tests in Python."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report}",
                   "--durations=5", *map(str, (ROOT / "tests" / name for name in ("golden", "e2e", "mpi")))]
        done = subprocess.run(command, cwd=ROOT, check=False)
        if not report.exists():
            print("pytest made no report")
            return 0, 1
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    tests, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    if done.returncode not in (0, 1) and failed == 0:
        failed = 1
    return tests - skipped - failed, failed


def main() -> int:
    counts = []
    for variant in VARIANTS:
        programs = sorted(p for p in (ROOT / "build" / variant / "tests").glob("test_*") if not p.suffix)
        if not programs:
            print(f"no tests are built in build/{variant}/tests")
            counts.append((0, 1))
        with ThreadPoolExecutor(os.cpu_count()) as cores:
            counts += cores.map(run_program, programs)
    counts.append(run_pytest())
    passed, failed = (sum(column) for column in zip(*counts))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
