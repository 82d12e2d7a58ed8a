"""Runs the scripts of the templates for GitHub and GitLab; see check-templates.sh."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path.cwd()
CLIENT = "https://client.example"
# The whole catalogue takes a minute on a server that is open.
QUICK = ["--probe=foreign,null,suffix-dot", "--window=0.3"]

# Builds as the templates say, but without optimising: that takes minutes, and is not
# what is tried here.
CARGO = """#!/bin/sh
[ "$1" != install ] || set -- "$@" --debug
exec "{cargo}" "$@"
"""


def load(path):
    return YAML(typ="safe").load((ROOT / path).read_text())


def check(truth, what):
    if not truth:
        sys.exit(f"ci/check_templates.py: {what}")


class Server:
    """A server that enforces its policy, or has none."""

    def __init__(self, wscli, *flags):
        command = [wscli, "serve", "--port", "0", "--jsonl", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def __enter__(self):
        return self.url

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Github:
    """As much of a runner as the composite action needs."""

    def __init__(self, folder, checkout, environment):
        self.action = load(".github/actions/probe-origin/action.yml")
        self.path = checkout / ".github/actions/probe-origin"
        self.folder = folder
        self.cache = folder / "cache"
        self.environment = environment
        self.ran = []

    def run(self, **given):
        """The exit code, the outputs of the action and what it printed."""
        inputs = {name: spec.get("default", "") for name, spec in self.action["inputs"].items()}
        check(set(given) <= set(inputs), f"no such inputs: {given}")
        inputs.update(given)
        temp = Path(tempfile.mkdtemp(dir=self.folder))
        work = Path(tempfile.mkdtemp(dir=self.folder))
        context = {("inputs", name): value for name, value in inputs.items()}
        context["runner", "temp"] = str(temp)
        status, printed, self.ran = 0, "", []
        for step in self.action["runs"]["steps"]:
            if status or not self.holds(step.get("if", "true"), context):
                continue
            self.ran.append(step["name"])
            if "uses" in step:
                self.use(step, context)
                continue
            status, text = self.script(step, context, temp, work)
            printed += text
        outputs = self.action["outputs"].items()
        outputs = {name: self.fill(spec["value"], context) for name, spec in outputs}
        return status, outputs, printed, work

    def holds(self, condition, context):
        def one(part):
            if part.strip() == "true":
                return True
            left, sign, right = re.fullmatch(r"(\S+) (==|!=) '(.*)'", part.strip()).groups()
            return (self.fill("${{ %s }}" % left, context) == right) == (sign == "==")

        return all(one(part) for part in condition.split("&&"))

    def fill(self, text, context):
        def value(found):
            scope, rest = found.group(1).split(".", 1)
            return context.get((scope, rest), "")

        return re.sub(r"\$\{\{ (\S+) \}\}", value, text)

    def use(self, step, context):
        check(step["uses"].startswith("actions/cache@"), f"{step['uses']} is not known here")
        key = self.fill(step["with"]["key"], context)
        check(re.fullmatch(r"wscli-\w+-\w+-[0-9a-f]{40}-[0-9a-f]{40}", key), f"key {key}")
        self.kept = self.cache / key, Path(self.fill(step["with"]["path"], context))
        hit = self.kept[0].exists()
        if hit:
            shutil.copytree(*self.kept)
        context["steps", f"{step['id']}.outputs.cache-hit"] = "true" if hit else ""

    def keep(self):
        """What the cache action does after a job that went well."""
        shutil.copytree(self.kept[1], self.kept[0])

    def script(self, step, context, temp, work):
        output, summary = temp / "output", temp / "summary"
        output.write_text("")
        environment = dict(
            self.environment,
            GITHUB_ACTION_PATH=str(self.path),
            GITHUB_OUTPUT=str(output),
            GITHUB_STEP_SUMMARY=str(summary),
            RUNNER_TEMP=str(temp),
            RUNNER_OS="Linux",
            RUNNER_ARCH="X64",
        )
        for name, text in step.get("env", {}).items():
            environment[name] = self.fill(text, context)
        # The command of `shell: bash` in GitHub's documents.
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=work, env=environment, stdout=subprocess.PIPE, text=True)
        for line in output.read_text().splitlines():
            name, value = line.split("=", 1)
            context["steps", f"{step.get('id')}.outputs.{name}"] = value
        return done.returncode, done.stdout


def try_github(folder, checkout, environment, enforced, open_door):
    github = Github(folder, checkout, environment)
    args = "\n".join(QUICK)
    status, outputs, printed, work = github.run(url=enforced, allow=CLIENT, args=args)
    check(status == 0 and outputs["exit-code"] == "0", f"enforced: {status} {outputs}")
    check("Build" in github.ran, "nothing was built")
    lines = [line for line in printed.splitlines() if line.startswith("::")]
    check(lines[:1] and "::enforced: " in lines[0], f"the verdict is not first: {lines}")
    for name in ("sarif", "json"):
        check((work / outputs[name]).exists(), f"no {name} report")
    github.keep()
    inputs = {"url": open_door, "allow": f"{CLIENT}\r\n", "args": args, "fail-on": "critical"}
    # A value that a shell would act on.
    inputs["headers"] = 'X-A: "a b" $(touch acted)`touch acted`\nX-B: c'
    status, outputs, printed, work = github.run(**inputs)
    check(status == 1 and outputs["exit-code"] == "1", f"open: {status} {outputs}")
    check("Build" not in github.ran, "it was built again, with the cache there")
    check(not (work / "acted").exists(), "a header was run")
    sent = json.loads((work / "probe-origin.json").read_text())
    head = sent["baseline"]["evidence"]["request_head"]
    check('X-A: "a b" $(touch acted)`touch acted`\r\nX-B: c' in head, f"headers: {head}")
    status, outputs, *_ = github.run(url="ws://127.0.0.1:1/", allow=CLIENT, args=args)
    check(status == 4 and outputs["exit-code"] == "4", f"nobody there: {status} {outputs}")
    config = folder / "probes.toml"
    config.write_text(f"allow = ['{CLIENT}']\n[[targets]]\nurl = '{open_door}'\n")
    status, outputs, *_ = github.run(config=str(config), args=args)
    check(status == 1, f"configuration: {status}")
    program = str(github.kept[0] / "bin/wscli")
    status, *_ = github.run(url=enforced, allow=CLIENT, args=args, wscli=program)
    check(status == 0 and github.ran == ["Probe"], f"given program: {status} {github.ran}")


def try_gitlab(folder, bare, environment, enforced, open_door):
    job = load("ci/probe-origin.gitlab-ci.yml")["probe-origin"]
    script = "\n".join(job["before_script"] + job["script"])
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    work = folder / "gitlab"
    work.mkdir()

    def run(**variables):
        variables = {**job.get("variables", {}), **variables}
        command = ["bash", "-eo", "pipefail", "-c", script]
        done = subprocess.run(
            command,
            cwd=work,
            env={**environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    whole = {
        "WSCLI_GIT": f"file://{bare}",
        "WSCLI_REF": commit,
        "WS_URL": enforced,
        "WS_ALLOW": CLIENT,
        "WS_ARGS": " ".join(QUICK),
    }
    for name in ("WSCLI_GIT", "WSCLI_REF", "WS_URL", "WS_ALLOW"):
        status, text = run(**{key: whole[key] for key in whole if key != name})
        check(status != 0 and f"set {name} to" in text, f"without {name}: {status} {text}")
        check(not (work / ".wscli").exists(), f"without {name} something was installed")
    status, text = run(**whole)
    check(status == 0, f"enforced: {status} {text}")
    artifacts = job["artifacts"]
    for path in [*artifacts["paths"], *artifacts["reports"].values()]:
        check((work / path).exists(), f"no artifact {path}")
    status, text = run(**{**whole, "WS_URL": open_door})
    check(status == 1, f"open: {status} {text}")
    check("is already installed" in text, f"it was built again: {text}")
    config = work / "probes.toml"
    config.write_text(f"allow = ['{CLIENT}']\n[[targets]]\nurl = '{open_door}'\n")
    status, text = run(**{**whole, "WS_URL": "", "WS_CONFIG": "probes.toml"})
    check(status == 1, f"configuration: {status} {text}")


def main():
    built = ROOT / "target/debug/wscli"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wscli = folder / "serves"
        shutil.copy2(sys.argv[1], wscli)
        kept = folder / "kept"
        if built.exists():
            shutil.copy2(built, kept)
        bare, checkout = folder / "wscli.git", folder / "_actions/wscli"
        subprocess.run(["git", "clone", "-q", "--bare", str(ROOT), bare], check=True)
        subprocess.run(["git", "clone", "-q", bare, checkout], check=True)
        # GitHub unpacks an archive of the action's repository.
        shutil.rmtree(checkout / ".git")
        shim = folder / "bin"
        shim.mkdir()
        (shim / "cargo").write_text(CARGO.format(cargo=shutil.which("cargo")))
        (shim / "cargo").chmod(0o755)
        environment = dict(
            os.environ,
            PATH=f"{shim}:{os.environ['PATH']}",
            # The dependencies are there already.
            CARGO_TARGET_DIR=str(ROOT / "target"),
            # The servers are on this machine, whatever proxy there is for others.
            no_proxy="127.0.0.1",
        )
        with Server(wscli, "--allow-origin", CLIENT) as enforced, Server(wscli) as open_door:
            try_github(folder, checkout, environment, enforced, open_door)
            print("the action builds its checkout, probes and fails as it should")
            try_gitlab(folder, bare, environment, enforced, open_door)
            print("the GitLab job installs what it is told, probes and fails as it should")
        # `cargo install` takes the program away from where it was built.
        if kept.exists():
            shutil.copy2(kept, built)


if __name__ == "__main__":
    main()
