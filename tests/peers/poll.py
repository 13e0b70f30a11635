#!/usr/bin/env python3
"""What one poll costs us and what it costs others: polls per CPU second against a server on this machine.

Usage: poll.py [--count N] [--rounds N] [--only PEER]… PRODUCT

PRODUCT is the built program, or the folder it is in (target/release). The peers are newsboat and rss2email for feeds,
urlwatch and changedetection.io for pages. All but newsboat come from the Python registry; newsboat is Debian's, and is
installed where that can be done.

The server is this file with --serve, in a process of its own on another core, and its time is not counted. It has N
feeds of twenty entries and N pages, and answers 304 to whoever brings the validator of its answer. The pages are those
of ../shared/data, used again until there are N, or made up where those are missing.

Each tool begins with nothing, asks for everything once (first), and then asks once more for what has not changed
(unchanged). What counts is the CPU time, user and system, of the whole process with all that it started, on one core.
A service starts once in months: the last column of ratios leaves out the start, which is what the tool takes for one
source that has not changed. The tools run in turn, and the median of the rounds is what the tables show.
A poll is one source asked for: our requests for robots.txt cost us time and count for nothing.

None of this is like for like. We also extract the text, look for mentions, judge and store them; newsboat and
rss2email parse and store entries; urlwatch compares texts; changedetection.io compares them and keeps each version.

A peer that cannot be had or fails is reported and the others go on. The exit code is 0 unless ours fails.
"""

import argparse
import asyncio
import gzip
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SERVE = "--serve"
ENTRIES = 20
# No tool may take longer for one run (seconds).
PATIENCE_S = 600
FEED, PAGE = "feed", "page"
FIRST, UNCHANGED, START = "first", "unchanged", "start"


# ---- The server ----------------------------------------------------------------------------------------------

WORDS = """council market morning street people school report river bridge evening team library station winter garden
history project family letter window music village summer teacher member number service meeting decision question answer
open quiet public local early recent careful ordinary brought opened closed agreed moved asked wanted carried described
visited repaired counted after before under across between because although while together nearly often again""".split()
# One entry in so many names an organisation that we watch, so that judging and storing hits is in our time.
MENTION_EVERY = 50
MENTION = "A nurse on the ward said that Northmere Valley NHS Foundation Trust had moved her clinic."


def sentence(chance):
    words = " ".join(chance.choices(WORDS, k=chance.randint(8, 20)))
    return f"The {words}."


def paragraphs(chance, n):
    return "".join(f"<p>{' '.join(sentence(chance) for _ in range(4))}</p>" for _ in range(n))


def made_up_feed(number, now):
    # A seed of its own for each, so that no two feeds share a text and every run serves the same.
    chance = random.Random(f"feed {number}")
    items = []
    for place in range(ENTRIES):
        body = paragraphs(chance, 3)
        if (number * ENTRIES + place) % MENTION_EVERY == 0:
            body += f"<p>{MENTION}</p>"
        address = f"https://paper{number}.example/story/{place}"
        at = format_datetime(now - timedelta(hours=place + 1))
        items.append(
            f"<item><title>{sentence(chance)}</title><link>{address}</link><guid>{address}</guid>"
            f"<pubDate>{at}</pubDate><description><![CDATA[{body}]]></description></item>\n"
        )
    head = f"<title>Paper {number}</title><link>https://paper{number}.example/</link><description>News</description>\n"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>{head}{"".join(items)}</channel></rss>'


def made_up_page(number):
    chance = random.Random(f"page {number}")
    links = "".join(f'<li><a href="/{word}">{word}</a></li>' for word in chance.choices(WORDS, k=60))
    text = paragraphs(chance, 12)
    return (
        f"<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>{sentence(chance)}</title></head><body>"
        f"<nav><ul>{links}</ul></nav><main><article><h1>{sentence(chance)}</h1>{text}</article></main>"
        f"<footer><ul>{links}</ul></footer></body></html>"
    )


def real_pages():
    files = [*sorted(DATA.glob("article-pages/html/*.gz")), *sorted(DATA.glob("snippet-pages/html/*.gz"))]
    return [gzip.decompress(file.read_bytes()) for file in files]


def resources(count):
    """Path to answer body, its type and its validator."""
    now = datetime.now(UTC)
    real = real_pages()
    found = {}
    for number in range(count):
        page = real[number % len(real)] if real else made_up_page(number).encode()
        found[f"/{FEED}/{number}"] = (made_up_feed(number, now).encode(), "application/rss+xml", f'"f{number}"')
        # No charset: the pages tell their own.
        found[f"/{PAGE}/{number}"] = (page, "text/html", f'"p{number}"')
    return found


def rendered(count):
    """Path to the whole answer, the 304 in its place, and the validator. Put together before anybody asks."""
    at = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    answers = {}
    for path, (body, kind, tag) in resources(count).items():
        validators = f"ETag: {tag}\r\nLast-Modified: {at}\r\n"
        whole = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{validators}Content-Length: {len(body)}\r\n\r\n".encode()
        answers[path] = (whole + body, f"HTTP/1.1 304 Not Modified\r\n{validators}\r\n".encode(), tag, at)
    return answers


class Conversation(asyncio.Protocol):
    """One connection: requests without bodies, one after the other."""

    def __init__(self, answers, counts):
        self.answers = answers
        self.counts = counts
        self.waiting = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, _, self.waiting = self.waiting.partition(b"\r\n\r\n")
            self.answer(head.decode("latin-1"))

    def answer(self, head):
        request, *lines = head.split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        path = request.split(" ")[1]
        self.transport.write(self.answer_to(path, headers))
        if headers.get("connection", "").lower() == "close" or request.endswith("HTTP/1.0"):
            self.transport.close()

    def answer_to(self, path, headers):
        if path == "/counts":
            body = json.dumps(self.counts).encode()
            self.counts.clear()
            return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        if path not in self.answers:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        whole, unchanged, tag, at = self.answers[path]
        known = tag in headers.get("if-none-match", "") or headers.get("if-modified-since") == at
        # Each source counts once, however often a tool may ask for it.
        self.counts.setdefault("304" if known else "200", {})[path] = True
        return unchanged if known else whole


async def serve(count):
    answers, counts = rendered(count), {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(answers, counts), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    # It ends with whoever started it: then its standard input is closed.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


class Server:
    def __init__(self, count, core):
        self.count = count
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), sys.executable, "-B", __file__, SERVE, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.process.stdout.readline())

    def urls(self, kind):
        return [f"http://127.0.0.1:{self.port}/{kind}/{number}" for number in range(self.count)]

    def counts(self, kind):
        """How many sources of the kind were asked for since the last call, by the answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/counts", timeout=10) as answer:
            asked = json.load(answer)
        return Counter({status: sum(path.startswith(f"/{kind}/") for path in paths) for status, paths in asked.items()})

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


# ---- The tools: each prepares a folder, and says how it is run the first time and again ----------------------


class Unavailable(Exception):
    pass


class Commands(NamedTuple):
    first: list[str]
    again: list[str]


class Tool:
    kind: str
    name: str
    # Slow ones need no more than one round to be told apart.
    rounds: int | None = None
    # Runs between the first and the one that is taken for unchanged.
    settling_runs = 0

    def prepare(self, folder, urls):
        """Writes what the tool needs into the folder, and answers its commands. Its time is not counted."""
        raise NotImplementedError


def installed(program, package):
    """The program beside this Python, in the same venv."""
    path = Path(sys.executable).parent / program
    try:
        return path, version(package)
    except PackageNotFoundError:
        raise Unavailable(f"{package} is not installed: poll-requirements.txt") from None


class Trustwatch(Tool):
    name = "trustwatch"

    def __init__(self, product, kind):
        self.program = product
        self.kind = kind

    def prepare(self, folder, urls):
        """Each source has a host name of its own, as sources have: one host would be asked once in five seconds."""
        config = folder / "trustwatch.toml"
        address = urls[0].removeprefix("http://").partition("/")[0]
        paths = [url.partition(address)[2] for url in urls]
        hosts = [f"s{number}.bench{number}.example" for number in range(len(urls))]
        lines = [
            "[service]",
            f"state_dir = {json.dumps(str(folder))}",
            "[fetch]",
            "requests_per_second = 1000000",
            f"loopback = [{json.dumps(address)}]",
            "[fetch.hosts]",
            *(f'"{host}" = "{address}"' for host in hosts),
            "[alert.recipients]",
            'communications = ["communications@example.org"]',
            "[web]",
            'listen = ""',
            "[[organisation]]",
            'profile = "northmere"',
            'purpose = "measuring"',
            'basis = "measuring"',
            'owner = "measuring"',
            'licence = "none"',
            "review = 2099-01-01",
        ]
        for number, (host, path) in enumerate(zip(hosts, paths, strict=True)):
            lines += [
                "[[source]]",
                f'id = "s{number}"',
                f'kind = "{self.kind}"',
                f'url = "http://{host}{path}"',
                'every = "1d"',
            ]
        config.write_text("\n".join(lines) + "\n")
        poll = [str(self.program), "--config", str(config), "poll", "--all"]
        return Commands(poll, poll)


class Newsboat(Tool):
    """It keeps a feed's validators only once it knows the feed, so it is the third run that gets a 304."""

    kind = FEED
    settling_runs = 1

    def __init__(self):
        program = shutil.which("newsboat") or install_newsboat()
        told = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.name = " ".join(told.split()[:2])
        self.program = program

    def prepare(self, folder, urls):
        (folder / "urls").write_text("".join(f"{url}\n" for url in urls))
        (folder / "config").write_text("reload-threads 16\n")
        files = ["-u", f"{folder}/urls", "-C", f"{folder}/config", "-c", f"{folder}/cache.db"]
        reload = [self.program, *files, "-x", "reload"]
        return Commands(reload, reload)


def install_newsboat():
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unavailable("not available: it is the Debian package newsboat, and only root can install it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "-y", "--no-install-recommends", "newsboat"]):
        command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", *step]
        ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ended.returncode != 0:
            raise Unavailable(f"not available: apt-get {step[0]}: {ended.stdout.strip()[-300:]}")
    return shutil.which("newsboat")


class Rss2email(Tool):
    """Without sending: a mail server's time is not its own."""

    kind = FEED

    def __init__(self):
        self.program, found = installed("r2e", "rss2email")
        self.name = f"rss2email {found}"

    def prepare(self, folder, urls):
        feeds = "".join(f"[feed.f{number}]\nurl = {url}\n" for number, url in enumerate(urls))
        config = folder / "rss2email.cfg"
        config.write_text(f"[DEFAULT]\nfrom = a@example.org\nto = b@example.org\n{feeds}")
        run = [str(self.program), "-c", str(config), "-d", str(folder / "rss2email.json"), "run", "--no-send"]
        return Commands(run, run)


class Urlwatch(Tool):
    kind = PAGE

    def __init__(self, as_text):
        self.program, found = installed("urlwatch", "urlwatch")
        self.filter = "filter:\n  - html2text: re\n" if as_text else ""
        self.name = f"urlwatch {found} {'text' if as_text else 'raw'}"

    def prepare(self, folder, urls):
        jobs = [f"url: {url}\n{self.filter}" for url in urls]
        (folder / "urls.yaml").write_text("---\n".join(jobs))
        # Its own defaults; the first run would stop to write them.
        (folder / "urlwatch.yaml").write_text("report: {}\n")
        (folder / "hooks.py").touch()
        # Jobs that run commands are refused where others could write them, and the check looks at the folder.
        folder.chmod(0o700)
        names = {"urls": "urls.yaml", "config": "urlwatch.yaml", "hooks": "hooks.py", "cache": "cache.db"}
        check = [
            str(self.program),
            *(word for what, file in names.items() for word in (f"--{what}", f"{folder}/{file}")),
        ]
        return Commands(check, check)


class Changedetection(Tool):
    """In its batch mode: no web server, and it ends when all is checked."""

    kind = PAGE
    rounds = 1

    def __init__(self):
        self.program, found = installed("changedetection.io", "changedetection.io")
        self.name = f"changedetection.io {found}"

    def prepare(self, folder, urls):
        batch = [str(self.program), "-d", f"{folder}/datastore", "-h", "127.0.0.1", "-p", str(free_port()), "-C", "-b"]
        # Its log at its own level is long, and would be time spent for nothing.
        quiet = [*batch, "-l", "ERROR"]
        adding = [word for url in urls for word in ("-u", url)]
        return Commands([*quiet, *adding], [*quiet, "-r", "all"])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- Measuring -----------------------------------------------------------------------------------------------


class Run(NamedTuple):
    cpu_s: float
    resident_mb: float
    answers: Counter


def environment_in(folder):
    """Nothing of the user's own settings, no proxy, and no question to the outside."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": f"{folder}/.config",
        "XDG_CACHE_HOME": f"{folder}/.cache",
        "XDG_DATA_HOME": f"{folder}/.local",
        # changedetection.io refuses to fetch from this machine, and asks its makers for a newer version.
        "ALLOW_IANA_RESTRICTED_ADDRESSES": "true",
        "DISABLE_VERSION_CHECK": "yes",
        # Some of the machines this runs on set it, and without it numpy may not start there.
        **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")},
    }


def run_counted(command, folder, core):
    """The CPU seconds of the command and all that it started and waited for, and the memory of the largest (MB)."""
    said = folder / "said"
    with said.open("wb") as out:
        child = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=folder,
            env=environment_in(folder),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        impatience = threading.Timer(PATIENCE_S, os.killpg, (child.pid, signal.SIGKILL))
        impatience.start()
        try:
            _, status, used = os.wait4(child.pid, 0)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            impatience.cancel()
    # Popen must not wait for what is gone.
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        told = said.read_text(errors="replace").strip()[-600:]
        raise RuntimeError(f"{Path(command[0]).name} ended with exit code {child.returncode}: {told}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure(tool, server, core):
    """The runs of one tool, and what it takes for a single source that has not changed: its start."""
    start = measure_with(tool, server, core, server.urls(tool.kind)[:1])[UNCHANGED]
    return {**measure_with(tool, server, core, server.urls(tool.kind)), START: start}


def measure_with(tool, server, core, urls):
    """Both runs of one tool, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="trustwatch-poll.", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        commands = tool.prepare(folder, urls)
        settling = [(None, commands.again)] * tool.settling_runs
        runs = {}
        for when, command in ((FIRST, commands.first), *settling, (UNCHANGED, commands.again)):
            # What was asked for before is forgotten.
            server.counts(tool.kind)
            cpu_s, resident_mb = run_counted(command, folder, core)
            answers = server.counts(tool.kind)
            if answers.total() < len(urls):
                told = (folder / "said").read_text(errors="replace").strip()[-600:]
                raise RuntimeError(f"asked for {answers.total()} of {len(urls)} sources: {told}")
            runs[when] = Run(cpu_s, resident_mb, answers)
        return runs


# ---- The tables ----------------------------------------------------------------------------------------------


def middle(runs, when):
    of = [run[when] for run in runs]
    answers = of[-1].answers
    return Run(statistics.median(run.cpu_s for run in of), max(run.resident_mb for run in of), answers)


def print_table(kind, ours, measured, count):
    print(f"\n{count} {kind}s, polls per CPU second")
    print(
        f"\n{'':28} {'first':>8} {'CPU s':>8} {'MB':>6} {'ours to it':>10}"
        f"   {'unchanged':>9} {'CPU s':>8} {'MB':>6} {'ours to it':>10}  answers 304  start, s  ours to it without"
    )
    our_start = middle(ours, START).cpu_s
    for name, runs in measured.items():
        cells = []
        for when in (FIRST, UNCHANGED):
            run, our_run = middle(runs, when), middle(ours, when)
            ratio = "" if runs is ours else f"{run.cpu_s / our_run.cpu_s:.2f}"
            width = 8 if when == FIRST else 9
            cells.append(f"{count / run.cpu_s:{width}.0f} {run.cpu_s:8.2f} {run.resident_mb:6.0f} {ratio:>10}")
        unchanged, start = middle(runs, UNCHANGED), middle(runs, START).cpu_s
        theirs, our = unchanged.cpu_s - start, middle(ours, UNCHANGED).cpu_s - our_start
        # A hundredth of a second is what is counted.
        ratio = "" if runs is ours else f"{theirs / our:.2f}" if min(theirs, our) > 0.02 else "-"
        print(f"{name:28} {'   '.join(cells)}  {unchanged.answers['304']:11} {start:9.2f}  {ratio:>18}")


# ---- All of it -----------------------------------------------------------------------------------------------


PEERS = {
    "newsboat": [Newsboat],
    "rss2email": [Rss2email],
    "urlwatch": [lambda: Urlwatch(as_text=False), lambda: Urlwatch(as_text=True)],
    "changedetection.io": [Changedetection],
}


def peers_to_be_had(wanted):
    """The peers, and for those that cannot be had the reason."""
    found, missing = [], {}
    for name in wanted:
        try:
            found += [make() for make in PEERS[name]]
        # Whatever is wrong with one peer, the others are to be measured.
        except Exception as error:
            missing[name] = error
    return found, missing


def program_in(given):
    path = Path(given).resolve()
    program = path / "trustwatch" if path.is_dir() else path
    if not program.is_file():
        sys.exit(f"poll.py: there is no {program}")
    return program


def options():
    parser = argparse.ArgumentParser(description="Polls per CPU second: ours and those of other pollers.")
    parser.add_argument("--count", type=int, default=300, help="how many feeds, and how many pages")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=PEERS, help="this peer; may be given more than once")
    parser.add_argument("product", help="the built program, or the folder it is in")
    return parser.parse_args()


def main():
    if sys.argv[1:2] == [SERVE]:
        asyncio.run(serve(int(sys.argv[2])))
        return
    given = options()
    # An exception, so that what was started ends too: it is in a session of its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    program = program_in(given.product)
    ours = [Trustwatch(program, FEED), Trustwatch(program, PAGE)]
    others, failures = peers_to_be_had(given.only or PEERS)
    cores = sorted(os.sched_getaffinity(0))
    server = Server(given.count, cores[-1])
    runs = defaultdict(list)
    try:
        for turn in range(given.rounds):
            for tool in [*ours, *others]:
                if tool.name in failures or (tool.rounds is not None and turn >= tool.rounds):
                    continue
                try:
                    runs[tool.kind, tool.name].append(measure(tool, server, cores[0]))
                except Exception as error:
                    failures[tool.name] = error
    finally:
        server.close()
    print(f"{given.count} sources of each kind, {given.rounds} rounds, one core; ours: {program}")
    if "release" not in program.parts:
        print("This is not in a folder named release: the speed of a debug build means nothing.")
    for name, error in failures.items():
        print(f"\n{name}: {error}")
    if "trustwatch" in failures:
        sys.exit("\npoll.py: trustwatch failed")
    for kind in (FEED, PAGE):
        measured = {name: of for (of_kind, name), of in runs.items() if of_kind == kind and of}
        print_table(kind, measured["trustwatch"], measured, given.count)


if __name__ == "__main__":
    main()
