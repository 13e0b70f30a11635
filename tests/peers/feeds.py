#!/usr/bin/env python3
"""What we read in feeds beside what feedparser reads in them, file by file and field by field.

Usage: feeds.py [--verbose] PRODUCT

PRODUCT is the built program: `PRODUCT sources read --json FILE…` is asked once for all files of
../shared/data/feeds/files. Both sides get a file's bytes and nothing else. Some files were made to be served with
a header that names their charset or their address; where feedparser reads another thing with that header, the file
"needs a header": it still counts as a file, but its fields are not compared.

A file counts as one that feedparser reads where feedparser gives it a version. The fields are compared over the
entries of files in which both find the same number of them, paired in their order:

    title  the same plain text, white space collapsed
    link   the same address, with host and escapes in their normal form. An address that feedparser leaves relative
           is not compared: nothing in the file tells where it leads
    date   the same second: published, or else updated
    text   the longer of content and summary as plain text: the same, or at least 0.9 of the words in common

"same %" is out of the entries in which feedparser has the field. Exit code 0 if at least 99 % of the files that
feedparser reads are read, with the same number of entries in at least 97 %, otherwise 1; 0 as well if there are no
files to read.
"""

import argparse
import io
import json
import re
import subprocess
import sys
import warnings
from calendar import timegm
from collections import Counter, defaultdict
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

try:
    import feedparser
except ImportError as missing:
    sys.exit(f"feeds.py: {missing}; the peer comes from the Python registry: feeds-requirements.txt")

FILES = Path(__file__).resolve().parents[3] / "shared" / "data" / "feeds" / "files"
READ_GOAL = 0.99
COUNT_GOAL = 0.97
ALIKE = 0.9
EXAMPLES_SHOWN = 15
VALUE_SHOWN = 160


class Entry(NamedTuple):
    title: str
    link: str
    date: int | None
    text: str


class Reading(NamedTuple):
    """What one side made of one file."""

    is_feed: bool
    kind: str
    entries: list[Entry]


# ---- Plain text ----------------------------------------------------------------------------------------------

# Between these two words never touch, whatever the markup around them.
INLINE = set(
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt"
    " u var wbr".split()
)
UNSEEN = {"script", "style", "template"}


class PlainText(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts = []
        self.unseen = 0

    def handle_starttag(self, tag, _attributes):
        self.unseen += tag in UNSEEN
        self.part_at(tag)

    def handle_endtag(self, tag):
        self.unseen = max(0, self.unseen - (tag in UNSEEN))
        self.part_at(tag)

    def handle_startendtag(self, tag, _attributes):
        self.part_at(tag)

    def handle_data(self, data):
        if not self.unseen:
            self.parts.append(data)

    def part_at(self, tag):
        if tag not in INLINE:
            self.parts.append(" ")


def collapsed(text):
    return " ".join(text.split())


def plain_text(markup):
    reader = PlainText()
    reader.feed(markup)
    reader.close()
    return collapsed("".join(reader.parts))


# ---- feedparser's side ---------------------------------------------------------------------------------------

HEADER = re.compile(rb"Header:[ \t]*([\w-]+):[ \t]*([^\r\n]*)")


def headers_in(data):
    """The headers that the authors of feedparser's own tests wrote into a comment, for their server to send."""
    # Comments in UTF-16 and UTF-32 are ASCII with zeros between.
    found = HEADER.findall(data.replace(b"\0", b""))
    return {name.decode().lower(): value.decode("latin-1").strip() for name, value in found}


def ask_feedparser(data, headers=None):
    with warnings.catch_warnings():
        # It warns of dates and entities it gives up on; what it gives in the end is what counts.
        warnings.simplefilter("ignore")
        # From a buffer: a short file given as a string could pass for an address, and be fetched.
        parsed = feedparser.parse(io.BytesIO(data), response_headers=headers)
        return Reading(bool(parsed.version), parsed.version, [entry_of(entry) for entry in parsed.entries])


def entry_of(entry):
    bodies = [*entry.get("content", []), entry.get("summary_detail") or {}]
    parsed = entry.get("published_parsed") or entry.get("updated_parsed")
    return Entry(
        title=text_of(entry.get("title_detail") or {}),
        link=(entry.get("link") or "").strip(),
        date=timegm(parsed) if parsed else None,
        text=max(map(text_of, bodies), key=len),
    )


def text_of(detail):
    """Markup only where feedparser says so: in plain text a "<" is a "<"."""
    value = detail.get("value") or ""
    return plain_text(value) if "html" in (detail.get("type") or "") else collapsed(value)


# ---- Our side ------------------------------------------------------------------------------------------------


def ask_trustwatch(product, files):
    """A reading for each file, and how many files each of our readers read."""
    asked = [product, "sources", "read", "--json", *map(str, files)]
    # Its exit code tells of unreadable files, of which there are some on purpose.
    ended = subprocess.run(asked, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    # Not splitlines: it also ends a line at signs that JSON leaves as they are.
    answers = [json.loads(line) for line in ended.stdout.split("\n") if line]
    if [answer["file"] for answer in answers] != [str(file) for file in files]:
        sys.exit(f"feeds.py: `sources read` did not answer each file in its turn (exit code {ended.returncode})")
    readers = Counter(answer.get("reader") or "none" for answer in answers if answer["outcome"] == "read")
    return [our_reading(answer) for answer in answers], readers


def our_reading(answer):
    return Reading(answer["outcome"] == "read", answer["outcome"], list(map(our_entry, answer.get("entries") or [])))


def our_entry(entry):
    published = entry.get("published")
    return Entry(
        title=collapsed(entry.get("title") or ""),
        link=(entry.get("link") or "").strip(),
        # Down to the second: feedparser drops what is below it.
        date=int(datetime.fromisoformat(published).timestamp() // 1) if published else None,
        text=collapsed(entry.get("text") or ""),
    )


# ---- How alike two values are: 1 means the same, and less is worse -------------------------------------------


def alike_title(theirs, ours):
    return 1.0 if theirs == ours else min(0.99, words_in_common(theirs, ours))


def alike_link(theirs, ours):
    theirs, ours = normal_address(theirs), normal_address(ours)
    if theirs == ours:
        return 1.0
    # Of two wrong addresses the one on another host is the worse.
    return 0.5 if urlsplit(theirs).netloc == urlsplit(ours).netloc else 0.0


def alike_date(theirs, ours):
    return 1 / (1 + abs(theirs - ours))


def alike_text(theirs, ours):
    if theirs == ours:
        return 1.0
    common = words_in_common(theirs, ours)
    return 1.0 if common >= ALIKE else common


def words_in_common(one, other):
    """The share of all words that stand in both (Jaccard)."""
    one, other = set(re.findall(r"\w+", one.casefold())), set(re.findall(r"\w+", other.casefold()))
    return len(one & other) / len(one | other) if one | other else 0.0


def normal_address(link):
    """As a browser would write it: both sides resolve, but only ours normalises."""
    try:
        parts = urlsplit(re.sub(r"[\t\r\n]", "", link))
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return link
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return link
    if ":" in host:
        host = f"[{host}]"
    place = host if port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f"{host}:{port}"
    path, query, fragment = (
        re.sub(r"%[0-9a-fA-F]{2}", lambda escape: escape[0].upper(), quote(part, safe="%/:;=@!$&'()*+,~?[]|\\^"))
        for part in (parts.path or "/", parts.query, parts.fragment)
    )
    return urlunsplit((parts.scheme, place, path, query, fragment))


def is_relative(link):
    return bool(link) and not urlsplit(link).scheme


FIELDS = {"title": alike_title, "link": alike_link, "date": alike_date, "text": alike_text}


# ---- The comparison ------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    likeness: float
    file: str
    place: int
    theirs: object
    ours: object


class FieldScore:
    def __init__(self):
        self.same = 0
        # "differs", "ours lacks it" and "only ours": each with its examples.
        self.differences = defaultdict(list)

    def add(self, alike, file, place, theirs, ours):
        if theirs in (None, "") and ours in (None, ""):
            return
        if theirs in (None, ""):
            self.differences["only ours"].append(Difference(0.0, file, place, theirs, ours))
        elif ours in (None, ""):
            self.differences["ours lacks it"].append(Difference(0.0, file, place, theirs, ours))
        elif (likeness := alike(theirs, ours)) == 1.0:
            self.same += 1
        else:
            self.differences["differs"].append(Difference(likeness, file, place, theirs, ours))

    def count(self, kind):
        return len(self.differences[kind])

    @property
    def theirs(self):
        return self.same + self.count("differs") + self.count("ours lacks it")


class File(NamedTuple):
    name: str
    theirs: Reading
    ours: Reading
    has_headers: bool
    # feedparser's reading with the header, where that is another one.
    with_header: Reading | None

    @property
    def same_count(self):
        return self.ours.is_feed and len(self.theirs.entries) == len(self.ours.entries)


def compare(product):
    files = sorted(FILES.iterdir())
    ours, readers = ask_trustwatch(product, files)
    compared = []
    for file, our_side in zip(files, ours, strict=True):
        data = file.read_bytes()
        theirs = ask_feedparser(data)
        headers = headers_in(data)
        with_header = ask_feedparser(data, headers) if headers else theirs
        another = with_header if with_header != theirs else None
        compared.append(File(file.name, theirs, our_side, bool(headers), another))
    return compared, readers


def compare_fields(files):
    """The scores, the number of pairs, and how many links feedparser left relative."""
    scores = {field: FieldScore() for field in FIELDS}
    pairs = relative = 0
    for file in files:
        for place, (theirs, ours) in enumerate(zip(file.theirs.entries, file.ours.entries, strict=True)):
            pairs += 1
            relative += is_relative(theirs.link)
            for field, alike in FIELDS.items():
                if field == "link" and is_relative(theirs.link):
                    continue
                scores[field].add(alike, file.name, place, getattr(theirs, field), getattr(ours, field))
    return scores, pairs, relative


# ---- The tables ----------------------------------------------------------------------------------------------


def share(part, whole):
    return part / whole if whole else 0.0


def percent(part, whole):
    return f"{100 * share(part, whole):6.2f} %" if whole else f"{'-':>8}"


def print_file_row(name, files):
    read = sum(file.ours.is_feed for file in files)
    same = sum(file.same_count for file in files)
    print(
        f"{name:22} {len(files):6} {read:6} {percent(read, len(files))} {same:10} {percent(same, len(files))}"
        f" {sum(len(file.theirs.entries) for file in files):12} {sum(len(file.ours.entries) for file in files):8}"
    )


def print_files(files):
    """Returns whether both goals are met."""
    feeds = [file for file in files if file.theirs.is_feed]
    print(
        f"\n{'feedparser reads it as':22} {'files':>6} {'read':>6} {'':8} {'same count':>10} {'':8}"
        f" {'entries of it':>12} {'of ours':>8}"
    )
    for kind, _ in Counter(file.theirs.kind for file in feeds).most_common():
        print_file_row(kind, [file for file in feeds if file.theirs.kind == kind])
    print_file_row("all feeds", feeds)
    # Here the header is given to feedparser alone.
    with_header = [file._replace(theirs=file.with_header) for file in feeds if file.with_header]
    print_file_row("  that need a header", with_header)
    others = [file for file in files if not file.theirs.is_feed]
    read = sum(file.ours.is_feed for file in others)
    carrying = sum(file.has_headers for file in files)
    print(f"files that name a header for their server to send: {carrying}")
    print(f"no feed to feedparser: {len(others)} files, of which we read {read}")
    return (
        share(sum(file.ours.is_feed for file in feeds), len(feeds)) >= READ_GOAL
        and share(sum(file.same_count for file in feeds), len(feeds)) >= COUNT_GOAL
    )


def print_fields(scores, pairs, relative, n_files):
    print(f"\n{pairs} pairs of entries in {n_files} files\n")
    print(
        f"{'field':6} {'feedparser has':>14} {'same':>6} {'same %':>8} {'differs':>8} {'ours lacks it':>14}"
        f" {'only ours':>10}"
    )
    for field, score in scores.items():
        print(
            f"{field:6} {score.theirs:14} {score.same:6} {percent(score.same, score.theirs)}"
            f" {score.count('differs'):8} {score.count('ours lacks it'):14} {score.count('only ours'):10}"
        )
    print(f"links that feedparser leaves relative, not compared: {relative}")


def print_examples(files, scores):
    unread = [file for file in files if file.theirs.is_feed and not file.ours.is_feed]
    lines = [f"{file.name}: {file.theirs.kind}, ours: {file.ours.kind}" for file in unread]
    print_list("feeds to feedparser that we do not read", lines)
    miscounted = [
        (abs(len(file.theirs.entries) - len(file.ours.entries)), file)
        for file in files
        if file.theirs.is_feed and file.ours.is_feed and not file.same_count
    ]
    miscounted.sort(key=lambda pair: -pair[0])
    lines = [f"{file.name}: {len(file.theirs.entries)}, ours: {len(file.ours.entries)}" for _, file in miscounted]
    print_list("another number of entries", lines)
    print_list("need a header", [file.name for file in files if file.with_header])
    for field, score in scores.items():
        for kind in ("differs", "ours lacks it", "only ours"):
            worst = sorted(score.differences[kind], key=lambda difference: difference.likeness)
            print_list(f"{field}: {kind}", [shown(field, difference) for difference in worst])


def print_list(title, lines):
    if lines:
        print(f"\n{title}: {len(lines)}", *lines[:EXAMPLES_SHOWN], sep="\n  ")


def shown(field, difference):
    def value(of):
        if field == "date" and of is not None:
            return datetime.fromtimestamp(of, UTC).isoformat()
        return repr(of if of is None or len(of) <= VALUE_SHOWN else f"{of[:VALUE_SHOWN]}…")

    return (
        f"{difference.file} [{difference.place}] alike {difference.likeness:.2f}\n"
        f"      feedparser {value(difference.theirs)}\n      ours       {value(difference.ours)}"
    )


def options():
    parser = argparse.ArgumentParser(description="What we read in feeds beside what feedparser reads in them.")
    parser.add_argument("--verbose", action="store_true", help="the worst examples of each kind of difference")
    parser.add_argument("product", help="the built program")
    return parser.parse_args()


def main():
    given = options()
    if not FILES.is_dir():
        print(f"feeds.py: skipped: there is no {FILES}")
        return
    files, readers = compare(given.product)
    by_reader = ", ".join(f"{name} {count}" for name, count in readers.most_common())
    print(f"{len(files)} files; feedparser {version('feedparser')}; read by {by_reader or 'none of our readers'}")
    met = print_files(files)
    comparable = [file for file in files if file.theirs.is_feed and file.same_count and not file.with_header]
    scores, pairs, relative = compare_fields(comparable)
    print_fields(scores, pairs, relative, len(comparable))
    if given.verbose:
        print_examples(files, scores)
    if not met:
        sys.exit(f"\nfeeds.py: the goal is {READ_GOAL:.0%} of the files, and the same count in {COUNT_GOAL:.0%}")


if __name__ == "__main__":
    main()
