"""The script that installs what the system lacks, run against stand-ins for apt and sudo."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "dev" / "system-packages.sh"
# A computer as far as the script looks: these programs, and what the test adds.
TOOLS = ("awk", "cat", "chmod", "env", "id", "mktemp", "rm", "sh", "tail", "tee")


class Machine:
    """A folder of programs that stands for a computer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        for tool in TOOLS:
            found = next(
                path for place in ("/usr/bin", "/bin") if (path := Path(place) / tool).exists()
            )
            (folder / tool).symlink_to(found)

    def add(self, name: str, body: str = "exit 0") -> None:
        """Put a program on it that notes its calls."""
        program = self.folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.calls}"\n{body}\n', "utf-8")
        program.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script on it."""
        # What the script adds to PATH, where the real programs are, leads nowhere here.
        text = SCRIPT.read_text("utf-8")
        text = text.replace("/usr/local/sbin:/usr/sbin:/sbin", "/nowhere")
        text = text.replace("/usr/sbin/policy-rc.d", str(self.folder / "policy-rc.d"))
        text = text.replace("/usr/lib/postgresql/", f"{self.folder}/postgresql/")
        script = self.folder / "script"
        script.write_text(text, "utf-8")
        return subprocess.run(  # noqa: S603 - a command of our own
            ["/bin/sh", str(script), *arguments],
            env={"PATH": str(self.folder), "TMPDIR": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        """Return the calls that were noted."""
        return self.calls.read_text("utf-8").splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a computer with nothing special on it."""
    return Machine(tmp_path)


def as_root(machine: Machine) -> None:
    (machine.folder / "id").unlink()
    machine.add("id", "echo 0")


def as_somebody(machine: Machine) -> None:
    (machine.folder / "id").unlink()
    machine.add("id", "echo 1000")


def test_nothing_is_done_when_everything_is_there(machine: Machine) -> None:
    machine.add("nginx")
    machine.add("redis-server")
    machine.add("apt-get")
    done = machine.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.called() == []


def test_what_is_missing_is_installed_without_being_started_or_enabled(machine: Machine) -> None:
    as_root(machine)
    machine.add("nginx")
    guard = machine.folder / "policy-rc.d"
    machine.add("apt-cache")
    machine.add("apt-get", f'"{guard}"; echo "policy says $?" >> "{machine.calls}"')
    machine.add("systemctl")
    machine.add("update-rc.d")
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Installing redis-server ...\n"
    calls = [call for call in machine.called() if not call.startswith(("id", "apt-cache"))]
    assert calls == [
        "apt-get update",
        "policy says 101",
        "apt-get install --yes --no-install-recommends redis-server",
        "policy says 101",
        "systemctl disable --quiet redis-server",
        "update-rc.d redis-server disable",
    ]
    assert not guard.exists()


def test_a_guard_that_was_there_before_stays(machine: Machine) -> None:
    as_root(machine)
    machine.add("apt-cache")
    machine.add("apt-get")
    guard = machine.folder / "policy-rc.d"
    guard.write_text("#!/bin/sh\nexit 104\n", "utf-8")
    assert machine.run().returncode == 0
    assert guard.read_text("utf-8").endswith("104\n")


@pytest.mark.parametrize("step", ["update", "install"])
def test_a_failure_shows_what_apt_said_and_leaves_nothing_behind(
    machine: Machine, step: str
) -> None:
    as_root(machine)
    machine.add("apt-cache")
    machine.add("apt-get", f'[ "$1" != {step} ] || {{ echo no network; exit 100; }}')
    done = machine.run()
    assert done.returncode == 1
    assert done.stderr == "no network\napt-get could not install nginx redis-server; see above.\n"
    assert not (machine.folder / "policy-rc.d").exists()
    assert not list(machine.folder.glob("tmp.*"))


def test_without_the_right_to_install_one_line_says_what_to_run(machine: Machine) -> None:
    as_somebody(machine)
    machine.add("apt-get")
    machine.add("sudo", "exit 1")
    done = machine.run()
    assert done.returncode == 1
    assert done.stderr == (
        "Missing: nginx redis-server. Run  sudo apt-get install --no-install-recommends "
        "nginx redis-server  and try again.\n"
    )


def test_on_another_system_one_line_says_what_is_missing(machine: Machine) -> None:
    done = machine.run()
    assert done.returncode == 1
    assert done.stderr.startswith("Missing: nginx redis-server. Install it with your system's")
    assert done.stderr.count("\n") == 1


def test_the_units_get_postgresql_without_its_service(machine: Machine) -> None:
    as_root(machine)
    machine.add("nginx")
    machine.add("redis-server")
    machine.add("apt-cache")
    machine.add("apt-get")
    machine.add("systemctl")
    assert machine.run("unit").returncode == 0
    calls = machine.called()
    assert "apt-get install --yes --no-install-recommends postgresql" in calls
    assert "systemctl disable --quiet postgresql" in calls


def test_postgresql_is_found_where_debian_keeps_it(machine: Machine) -> None:
    machine.add("nginx")
    machine.add("redis-server")
    programs = machine.folder / "postgresql" / "15" / "bin"
    programs.mkdir(parents=True)
    machine.add("postgresql/15/bin/postgres")
    done = machine.run("unit")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_tests_get_a_browser_certbot_and_pebble_too(machine: Machine) -> None:
    as_root(machine)
    for program in ("nginx", "redis-server", "postgres", "apt-cache", "apt-get", "systemctl"):
        machine.add(program)
    done = machine.run("tests")
    assert done.returncode == 0, done.stderr
    calls = machine.called()
    assert "apt-get install --yes --no-install-recommends chromium certbot pebble" in calls
    # certbot's timer has nothing to renew here; the others were here before us.
    disabled = [call for call in calls if call.startswith("systemctl")]
    assert disabled == ["systemctl disable --quiet certbot.timer"]


@pytest.mark.parametrize(
    "browser", ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
)
def test_any_chromium_will_do(machine: Machine, browser: str) -> None:
    for program in ("nginx", "redis-server", "postgres", "certbot", "pebble", browser):
        machine.add(program)
    done = machine.run("tests")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_running_needs_no_browser(machine: Machine) -> None:
    machine.add("nginx")
    machine.add("redis-server")
    assert machine.run().returncode == 0


def test_a_system_without_such_a_package_says_so_in_one_line(machine: Machine) -> None:
    as_root(machine)
    machine.add("apt-get")
    machine.add("apt-cache", '[ "$2" != chromium ] && [ "$2" != pebble ]')
    done = machine.run("tests")
    assert done.returncode == 1
    assert done.stderr == (
        "This system has no package chromium pebble. Put the program on PATH in another way (for "
        "chromium, google-chrome-stable will do: Ubuntu has chromium only as a snap), then try "
        "again.\n"
    )
    assert not [call for call in machine.called() if call.startswith("apt-get install")]
    assert not (machine.folder / "policy-rc.d").exists()


def test_the_scanners_get_testssl(machine: Machine) -> None:
    as_root(machine)
    machine.add("apt-cache")
    machine.add("apt-get")
    assert machine.run("scan").returncode == 0
    assert "apt-get install --yes --no-install-recommends testssl.sh" in machine.called()


def test_a_group_that_is_none_is_refused(machine: Machine) -> None:
    done = machine.run("test")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert machine.called() == []


def test_a_python_without_venv_gets_it(machine: Machine) -> None:
    as_root(machine)
    machine.add("apt-cache")
    machine.add("apt-get")
    machine.add("python3", 'case "$2" in *ensurepip*) exit 1 ;; *) echo " python3.11-venv" ;; esac')
    assert machine.run("venv", "python3").returncode == 0
    assert "apt-get install --yes --no-install-recommends python3.11-venv" in machine.called()


def test_a_python_with_venv_needs_nothing(machine: Machine) -> None:
    machine.add("python3")
    done = machine.run("venv", "python3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
