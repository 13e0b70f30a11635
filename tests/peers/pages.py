#!/usr/bin/env python3
"""The main text of pages as we extract it and as trafilatura does, and what each page costs.

Usage: pages.py PRODUCT [TIMED]

PRODUCT is the built program; TIMED, where given, is another build of it whose time is taken in its place: the speed
means something only for a release build. Both tools get the same pages, already decoded, as JSON Lines on standard
input, and answer in JSON Lines: ours by `PRODUCT extract`, trafilatura by this file with --as-peer, in its fast mode
and without comments, which is where it scores best.

article pages  ../shared/data/article-pages: the text that a person marked against the text extracted, as shingles of
               four words. Precision and recall are means over the pages, and F1 is that of the means.
snippet pages  ../shared/data/snippet-pages: each `with` snippet is to stand in the text and each `without` is not,
               white space collapsed. Precision, recall and F1 are those of all snippets together.
speed          CPU seconds, user and system, of the whole process on one core, less those of the same process given
               no pages. Three rounds, the tools in turn; the median is what counts.

The exit code is 0 unless a tool fails: how good is good enough is no question of pass or fail.
"""

import argparse
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

try:
    import trafilatura
    from trafilatura.utils import decode_file
except ImportError as missing:
    sys.exit(f"pages.py: {missing}; the peer comes from the Python registry: pages-requirements.txt")

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ARTICLES = DATA / "article-pages"
SNIPPETS = DATA / "snippet-pages"
OURS = "trustwatch"
PEER = f"trafilatura {version('trafilatura')} fast"
AS_PEER = "--as-peer"
ROUNDS = 3
SHINGLE_WORDS = 4


class Score(NamedTuple):
    precision: float
    recall: float

    @property
    def f1(self):
        whole = self.precision + self.recall
        return 2 * self.precision * self.recall / whole if whole else 0.0


# ---- The pages -----------------------------------------------------------------------------------------------


class Article(NamedTuple):
    url: str
    html: str
    text: str


class SnippetPage(NamedTuple):
    url: str
    html: str
    present: list[str]
    absent: list[str]


def page_in(file):
    """Decoded here, once for both: charsets are not what is compared."""
    return decode_file(gzip.decompress(file.read_bytes()))


def read_articles():
    truths = json.loads((ARTICLES / "ground-truth.json").read_text(encoding="utf-8"))
    return [
        Article(truth["url"], page_in(ARTICLES / "html" / f"{key}.html.gz"), truth["articleBody"])
        for key, truth in truths.items()
    ]


def read_snippet_pages():
    pages = json.loads((SNIPPETS / "evaldata.json").read_text(encoding="utf-8"))
    return [
        SnippetPage(url, page_in(SNIPPETS / "html" / f"{page['file']}.gz"), page["with"], page["without"])
        for url, page in pages.items()
    ]


# ---- The tools -----------------------------------------------------------------------------------------------


def be_the_peer():
    """What `PRODUCT extract` is for ours: JSON Lines in, JSON Lines out."""
    for line in sys.stdin:
        page = json.loads(line)
        text = trafilatura.extract(page["html"], fast=True, include_comments=False)
        print(json.dumps({"url": page["url"], "text": text or ""}))


class Run(NamedTuple):
    texts: list[str]
    cpu_s: float


def run_pinned(command, asked, n_pages):
    """Runs it on one core. Input and output are files, so that no other process is waited for."""
    core = min(os.sched_getaffinity(0))
    with asked.open("rb") as source, tempfile.TemporaryFile() as answered:
        child = subprocess.Popen(["taskset", "-c", str(core), *command], stdin=source, stdout=answered)
        _, status, used = os.wait4(child.pid, 0)
        # Popen must not wait for what is gone.
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"pages.py: {command[0]} ended with exit code {child.returncode}")
        answered.seek(0)
        texts = [json.loads(line)["text"] for line in answered]
    if len(texts) != n_pages:
        sys.exit(f"pages.py: {command[0]} answered {len(texts)} of {n_pages} pages")
    return Run(texts, used.ru_utime + used.ru_stime)


# ---- The scores ----------------------------------------------------------------------------------------------


def shingles(text):
    words = re.findall(r"\w+", text)
    # A text of fewer words is one short shingle.
    return Counter(tuple(words[i : i + SHINGLE_WORDS]) for i in range(max(1, len(words) - SHINGLE_WORDS + 1)))


def score_article(truth, text):
    wanted, found = shingles(truth), shingles(text)
    common = (wanted & found).total()
    return Score(common / found.total(), common / wanted.total())


def score_articles(articles, texts):
    scores = [score_article(article.text, text) for article, text in zip(articles, texts, strict=True)]
    return Score(statistics.mean(s.precision for s in scores), statistics.mean(s.recall for s in scores))


def collapsed(text):
    return " ".join(text.split())


def score_snippets(pages, texts):
    right = false = missed = 0
    for page, text in zip(pages, texts, strict=True):
        text = collapsed(text)
        found = sum(collapsed(snippet) in text for snippet in page.present)
        right += found
        missed += len(page.present) - found
        false += sum(collapsed(snippet) in text for snippet in page.absent)
    return Score(right / (right + false or 1), right / (right + missed or 1))


# ---- The tables ----------------------------------------------------------------------------------------------


def print_scores(articles, snippet_pages, texts):
    """texts: for each tool those of the articles, and then those of the snippet pages."""
    print(f"\n{'pages':14} {'':6} {'tool':24} {'F1':>7} {'precision':>10} {'recall':>7}")
    kinds = {
        "article pages": (articles, score_articles, slice(0, len(articles))),
        "snippet pages": (snippet_pages, score_snippets, slice(len(articles), None)),
    }
    for kind, (pages, score, part) in kinds.items():
        scores = {tool: score(pages, answers[part]) for tool, answers in texts.items()}
        for tool, found in scores.items():
            print(f"{kind:14} {len(pages):6} {tool:24} {found.f1:7.4f} {found.precision:10.4f} {found.recall:7.4f}")
        print(f"{'':14} {'':6} ours less theirs {scores[OURS].f1 - scores[PEER].f1:+15.4f}")


def print_speeds(n_pages, starts, rounds):
    print(f"\n{'tool':24} {'start, CPU s':>12} {'pages, CPU s':>12} {'pages per CPU s':>16}   of each round")
    speeds = {}
    for tool, seconds in rounds.items():
        start = statistics.median(starts[tool])
        each = [n_pages / max(run - start, 1e-9) for run in seconds]
        speeds[tool] = statistics.median(each)
        print(
            f"{tool:24} {start:12.3f} {statistics.median(seconds) - start:12.3f} {speeds[tool]:16.1f}  "
            + "".join(f"{speed:9.1f}" for speed in each)
        )
    print(f"ours to theirs: {speeds[OURS] / speeds[PEER]:.2f}")
    whole = {tool: statistics.median(seconds) for tool, seconds in rounds.items()}
    print(f"with the start of the process counted: {whole[PEER] / whole[OURS]:.2f}")


def measure(product, timed):
    articles, snippet_pages = read_articles(), read_snippet_pages()
    pages = [*articles, *snippet_pages]
    commands = {OURS: [timed, "extract"], PEER: [sys.executable, "-B", __file__, AS_PEER]}
    starts = {tool: [] for tool in commands}
    rounds = {tool: [] for tool in commands}
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        asked, nothing = Path(folder) / "pages.jsonl", Path(folder) / "none.jsonl"
        with asked.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps({"url": page.url, "html": page.html}) + "\n" for page in pages)
        nothing.touch()
        for _ in range(ROUNDS):
            for tool, command in commands.items():
                starts[tool].append(run_pinned(command, nothing, 0).cpu_s)
                run = run_pinned(command, asked, len(pages))
                rounds[tool].append(run.cpu_s)
                texts[tool] = run.texts
        if product != timed:
            texts[OURS] = run_pinned([product, "extract"], asked, len(pages)).texts
    print_scores(articles, snippet_pages, texts)
    megabytes = sum(len(page.html.encode()) for page in pages) / 1e6
    print(f"\n{len(pages)} pages, {megabytes:.1f} MB, one core, {ROUNDS} rounds in turn; timed: {timed}")
    if "release" not in Path(timed).resolve().parts:
        print("This is not in a folder named release: the speed of a debug build means nothing.")
    print_speeds(len(pages), starts, rounds)


def options():
    parser = argparse.ArgumentParser(description="The main text of pages as we extract it and as trafilatura does.")
    parser.add_argument("product", help="the built program")
    parser.add_argument("timed", nargs="?", help="the build whose time is taken, if another (a release build)")
    return parser.parse_args()


def main():
    if sys.argv[1:] == [AS_PEER]:
        be_the_peer()
        return
    given = options()
    missing = [str(folder) for folder in (ARTICLES, SNIPPETS) if not folder.is_dir()]
    if missing:
        print(f"pages.py: skipped: there is no {' and no '.join(missing)}")
        return
    measure(given.product, given.timed or given.product)


if __name__ == "__main__":
    main()
