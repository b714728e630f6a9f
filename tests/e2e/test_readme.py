"""Every sweep and every command of the README's page on the language runs, and gives as many runs as it says."""

import json
import re
import shlex

import pytest
from support import ROOT, gensweep

PAGE = re.search(r"^## Your own sweep\n(.*?)^##+ ", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)[1]
SWEEPS = {name: (int(runs), text) for text, name, runs in re.findall(r"```yaml\n(# (\S+\.yaml): (\d+) runs\n.*?)```", PAGE, re.DOTALL)}
COMMANDS = re.findall(r"^gensweep (.*?) +# (\d+) runs$", "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)), re.MULTILINE)


@pytest.fixture
def folder(tmp_path):
    for name, (_, text) in SWEEPS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_there_is_a_page():
    assert len(SWEEPS) >= 4 and len(COMMANDS) >= 6
    assert PAGE.count("```yaml") == len(SWEEPS) and sum(line.startswith("gensweep ") for line in PAGE.splitlines()) == len(COMMANDS)


@pytest.mark.parametrize("name", SWEEPS)
def test_sweep(folder, name):
    done = gensweep("plan", name, "--json", "--runs", "--no-measure", cwd=folder)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["runs"] == len(plan["run_list"]) == len({run["id"] for run in plan["run_list"]}) == SWEEPS[name][0]
    assert plan["runs"] == len(plan["variants"]) * len(plan["seeds"])


@pytest.mark.parametrize("command, runs", COMMANDS)
def test_command(folder, command, runs):
    done = gensweep(*shlex.split(command), "--no-measure", cwd=folder)
    assert done.returncode == 0, done.stderr
    if "--json" in command:
        assert json.loads(done.stdout)["runs"] == int(runs)
    else:
        assert f": {runs} runs = " in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == sorted(SWEEPS)


def test_the_table_of_settings_is_the_programs():
    rows = []
    for name, *told in (block.split("\n      ") for block in re.split(r"\n  (?=\S)", "\n" + gensweep("settings").stdout.strip("\n"))[1:]):
        facts = dict(line.split(": ", 1) for line in told[2:])
        assert "|" not in told[0]  # it would end a cell
        rows.append(f"| `{name}` | {facts['default']} | {facts['models']} | {told[0]} |")
    table = re.search(r"^### Settings\n\|.*\n\|.*\n((?:\|.*\n)*)", (ROOT / "README.md").read_text(), re.MULTILINE)[1]
    assert table.splitlines() == rows


def test_links_and_figures_are_there():
    text = (ROOT / "README.md").read_text()
    assert not re.search(r"@[A-Z]+@", text)
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target
