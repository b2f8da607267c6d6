"""Ansible as the engine: the user's own inventory, ssh configuration and privileges, through ansible-runner.

The play has one task, `script`, which needs no Python on the host. The time limit stands at the play: one at the task
does not hold when a module hangs. https://docs.ansible.com/ansible/latest/reference_appendices/playbooks_keywords.html
"""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import os
import shlex
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from envsetup.fleet.cleaning import clean
from envsetup.fleet.interrupt import interruptible
from envsetup.fleet.reading import attributed, bad, silent
from envsetup.model.codec import decode
from envsetup.model.errors import InputError
from envsetup.model.hostrange import natural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsetup.fleet.engine import Deliver, Job
    from envsetup.fleet.reading import Answer

SSH_MARGIN = 15  # seconds for connecting and for the file's way, on top of what the agent itself may take
LIST_TIMEOUT = 60  # seconds for reading the inventory; a dynamic one may ask a cloud
# What ssh says, and what it means; the first that fits counts.
UNREACHABLE = (
    ("Connection refused", "connection refused"),
    ("No route to host", "no route to host"),
    ("banner exchange", "the ssh server accepts and does not answer"),
    ("timed out", "no answer: connection timed out"),
    ("Could not resolve hostname", "host name cannot be resolved"),
    ("Host key verification failed", "host key verification failed"),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "host key has changed"),
    ("Permission denied", "permission denied by ssh"),
    ("Connection reset", "connection reset"),
    ("Connection closed", "connection closed"),
)
TIMED_OUT = ("expected time frame", "Timed out after", "Timeout exceeded")


class Ansible:
    """The hosts of an inventory, or those that `limit` (Ansible's own patterns) leaves of it."""

    def __init__(self, inventory: str, limit: str | None = None) -> None:
        if importlib.util.find_spec("ansible_runner") is None:
            raise InputError("--engine ansible: ansible-runner is not installed", hint="pip install 'envsetup[fleet]'")
        if "," not in inventory and not Path(inventory).exists():
            raise InputError(f"{inventory}: no such inventory; a file, a folder or a list like n1,n2 is accepted")
        self._inventory = inventory if "," in inventory else str(Path(inventory).absolute())
        self._limit = limit
        self._variables: dict[str, dict[str, Any]] = {}

    def address(self, host: str) -> str:
        """What the inventory says, else the name."""
        return str(self._variables.get(host, {}).get("ansible_host", host))

    def hosts(self) -> list[str]:
        """The inventory's hosts as ansible-inventory reads it."""
        import ansible_runner  # noqa: PLC0415 - the extra, and 0.2 s

        arguments = ["-i", self._inventory, "--list", *(["--limit", self._limit] if self._limit else [])]
        with tempfile.TemporaryDirectory(prefix="envsetup-fleet-") as folder:
            out, err, status = ansible_runner.run_command(
                executable_cmd="ansible-inventory",
                cmdline_args=arguments,
                private_data_dir=folder,
                envvars=environment(folder),
                host_cwd=str(Path.cwd()),
                runner_mode="subprocess",
                quiet=True,
                timeout=LIST_TIMEOUT,
                suppress_env_files=True,
            )
        try:
            listed = decode(out or "", dict[str, Any])
        except msgspec.DecodeError:
            listed = {}
        if status or not listed:
            raise InputError(f"{self._inventory}: Ansible cannot read this inventory: {clean(err or out, 200)}")
        self._variables = listed.get("_meta", {}).get("hostvars", {})
        found = _members(listed, "all")
        if not found:
            left = f" that --limit {self._limit} leaves" if self._limit else ""
            raise InputError(f"{self._inventory}: no host{left}")
        return found

    def run(self, job: Job, hosts: Sequence[str], deliver: Deliver) -> None:
        """One play over these hosts."""
        import ansible_runner  # noqa: PLC0415

        open_hosts, asked = set(hosts), frozenset(hosts)

        def event(data: dict[str, Any]) -> bool:
            answer = _answer(data, asked)
            if answer is not None and answer.row.host in open_hosts:
                open_hosts.discard(answer.row.host)
                deliver(answer)
            return False  # keep nothing on disk

        batches = -(-len(hosts) // job.forks)
        with tempfile.TemporaryDirectory(prefix="envsetup-fleet-") as folder, interruptible() as interrupted:
            playbook, limit = Path(folder, "play.json"), Path(folder, "hosts")
            playbook.write_bytes(msgspec.json.encode([_play(job)]))
            limit.write_text("\n".join(hosts), encoding="utf-8")
            runner = ansible_runner.run(
                private_data_dir=folder,
                playbook=str(playbook),
                inventory=[self._inventory],  # as a string, a list of hosts would be written to a file as it stands
                limit=f"@{limit}",
                forks=job.forks,
                envvars=environment(folder),
                project_dir=str(Path.cwd()),
                event_handler=event,
                cancel_callback=interrupted.is_set,
                quiet=True,
                suppress_env_files=True,
                suppress_output_file=True,
                settings={"job_timeout": batches * (job.host_timeout + 2 * SSH_MARGIN) + 60},
            )
            why = "" if runner.status in {"successful", "failed"} else f"Ansible ended as {runner.status}"
        for host in sorted(open_hosts):
            deliver(silent(host, "not-run", why or "Ansible did not run it"))


def _play(job: Job) -> dict[str, Any]:
    command = shlex.join([job.bundle, *job.arguments])
    return {
        "hosts": "all",
        "gather_facts": False,
        "strategy": "free",
        "timeout": job.host_timeout + SSH_MARGIN,
        "tasks": [
            {
                "name": "envsetup",
                "ansible.builtin.script": {"cmd": f"{command} --host {{{{ inventory_hostname | quote }}}}"},
                "environment": {"ENVSETUP_AGENT_TIMEOUT": str(job.host_timeout)},
                "changed_when": False,
            }
        ],
    }


def environment(folder: str) -> dict[str, str]:
    """Ansible's variables: the user's stay, and nothing new appears in the home folder."""
    values = {
        # The user's Ansible is preferred to the one that came with the extra.
        "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")]),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    if not _chosen("ssh_connection", "ssh_args", "ANSIBLE_SSH_ARGS"):
        # Ansible's own default less -C: the bundle is compressed, and ssh would do it again for every host.
        values["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=auto -o ControlPersist=60s"
    if "ANSIBLE_HOME" not in os.environ and not Path("~/.ansible").expanduser().exists():
        values |= {"ANSIBLE_HOME": folder, "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/cp"}
    return values


def _chosen(section: str, option: str, variable: str) -> bool:
    """Whether the user set this in a variable or in the configuration file that Ansible takes, the first there is.

    https://docs.ansible.com/ansible/latest/reference_appendices/config.html#the-configuration-file
    """
    if variable in os.environ:
        return True
    places = [Path("ansible.cfg"), Path("~/.ansible.cfg").expanduser(), Path("/etc/ansible/ansible.cfg")]
    if named := os.environ.get("ANSIBLE_CONFIG"):
        places[:0] = [Path(named), Path(named, "ansible.cfg")]  # a file, or the folder that holds it
    written = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):  # Ansible itself says what is wrong
        written.read(next((path for path in places if path.is_file()), []), encoding="utf-8")
    return written.has_option(section, option)


def _members(listed: dict[str, Any], group: str) -> list[str]:
    """Hosts of a group and of the groups below it, each once, as people count."""
    found: dict[str, None] = {}
    waiting, seen = [group], {group}
    while waiting:
        entry = listed.get(waiting.pop(0), {})
        found |= dict.fromkeys(entry.get("hosts", []))
        children = [child for child in entry.get("children", []) if child not in seen]
        seen.update(children)
        waiting += children
    return sorted(found, key=natural)


def _answer(event: dict[str, Any], hosts: frozenset[str]) -> Answer | None:
    """What an event says of a host; None for events that are no end."""
    kind, data = event.get("event", ""), event.get("event_data", {})
    host, result = data.get("host", ""), data.get("res") or {}
    if kind not in {"runner_on_ok", "runner_on_failed", "runner_on_unreachable"}:
        return None
    message = str(result.get("msg", ""))
    if kind == "runner_on_unreachable":
        reason = next((text for sign, text in UNREACHABLE if sign in message), message)
        return silent(host, "unreachable", reason)
    if not result:  # what ansible-runner makes of a result above its limit
        return bad(host, "too much output: Ansible passes on at most 700 kB")
    output = str(result.get("stdout", ""))
    # A terminal between us and the host mixes banners and warnings into the output: the answer is its last document.
    line = next((line for line in reversed(output.splitlines()) if line.startswith('{"schema"')), output)
    if line.strip():
        return attributed(line.encode(), host, hosts)
    if any(sign in message for sign in TIMED_OUT):
        return silent(host, "timeout", "no answer in time; Ansible stopped it")
    said = str(result.get("stderr", "")) or message
    return bad(host, f"no output, exit status {result.get('rc', 'unknown')}: {clean(said, 200)}")
