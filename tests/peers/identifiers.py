#!/usr/bin/env python3
"""Ours and the peers' answers on the same generated text, kind by kind.

Usage: identifiers.py [--seed N] [--count N] PRODUCT

PRODUCT is the built program. The peers are Presidio, with its recognisers for the NHS number, the NI number and
the postcode, and python-stdnum, which has a check for the NHS number. Presidio's other UK recognisers (passport,
driving licence, vehicle) find nothing that this text has labels for, and its DATE_TIME is any date, not one of birth.

A document counts once for each kind: reported or not. It is judged in two ways, because the peers look at a number
alone while we ask whose it is:

(a) by validity alone. Texts that hold a valid number or postcode of nobody, such as an order number that passes the
    check or the address of a shop, are set aside for all tools: there a peer is right to report, and we are right
    not to. What is left is the same question for everybody.
(b) by whose it is, on all texts: only an identifier of a person is to be reported.

Exit code 0 if trustwatch is ahead of each peer in (b) and nowhere behind in (a), otherwise 1. Ahead is more
precision at equal or better recall. In (a) a peer may make no false report at all (a check judged by that same
check cannot), and then none of ours at equal or better recall is level.
"""

import argparse
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

try:
    import spacy
    import stdnum.gb.nhs
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import NhsRecognizer, UkNinoRecognizer, UkPostcodeRecognizer
except ImportError as missing:
    sys.exit(f"identifiers.py: {missing}; the peers come from the Python registry: identifiers-requirements.txt")

# The generator is no package, and importing it shall leave nothing in its directory.
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "identifiers"))
import generate  # noqa: E402

OURS = "trustwatch"
PRESIDIO_KINDS = {"UK_NHS": "nhs_number", "UK_NINO": "ni_number", "UK_POSTCODE": "postcode"}
DOCUMENT_KINDS = ["social", "forum", "web", "comment"]
WRONG_SHOWN = 20


# ---- What stands in a text, whoever's it is ------------------------------------------------------------------

# Wider than what any of the tools reads, so that no peer is blamed for a number that could be one: any signs
# between the digits, and a number may begin at each group of digits, as the last ten digits of "0044 163 296 0389".
TEN_DIGITS = re.compile(r"(?<!\d)(?=(\d(?:[^\w\n]{0,3}\d){9})(?!\d))")
NI_SHAPE = re.compile(r"(?<![A-Z0-9])([A-Z]{2})(?:[\W_]{0,3}\d){6}[\W_]{0,3}[A-D](?![A-Z0-9])", re.IGNORECASE)
POSTCODE_SHAPE = re.compile(
    rf"(?<![A-Z0-9])([A-Z]{{1,2}})\d[A-Z\d]?\W{{0,2}}\d[{generate.INWARD}]{{2}}(?![A-Z0-9])", re.IGNORECASE
)


def holds_nhs_number(text):
    return any(generate.mod11(re.sub(r"\D", "", written)) for written in TEN_DIGITS.findall(text))


def holds_ni_number(text):
    return any(prefix.upper() in generate.NI_PREFIXES for prefix in NI_SHAPE.findall(text))


def holds_postcode(text):
    return any(area.upper() not in generate.BAD_AREAS for area in POSTCODE_SHAPE.findall(text))


# A date of birth is missing: without its context it is any date.
HOLDS = {"nhs_number": holds_nhs_number, "ni_number": holds_ni_number, "postcode": holds_postcode}


def by_validity(kind, document):
    """Whether the kind is to be reported; None where the document is set aside."""
    if kind in document["has"]:
        return True
    return None if HOLDS[kind](document["text"]) else False


def by_person(kind, document):
    return kind in document["has"]


# ---- The tools: for each document the set of kinds that they report ------------------------------------------


def ask_trustwatch(product, documents):
    questions = [
        {
            "id": document["id"],
            "kind": DOCUMENT_KINDS[index % len(DOCUMENT_KINDS)],
            "url": "https://place.example/x",
            "text": document["text"],
        }
        for index, document in enumerate(documents)
    ]
    asked = "".join(json.dumps(question) + "\n" for question in questions)
    answered = subprocess.run([product, "classify"], input=asked, stdout=subprocess.PIPE, text=True, check=True).stdout
    answers = [json.loads(line) for line in answered.splitlines()]
    if [answer["id"] for answer in answers] != [document["id"] for document in documents]:
        sys.exit("identifiers.py: classify did not answer each document in its turn")
    return [
        {finding["category"].removeprefix("confidentiality.") for hit in answer["hits"] for finding in hit["findings"]}
        for answer in answers
    ]


class BlankEngine(SpacyNlpEngine):
    """Splits into words and no more: a pattern needs no model, and none is downloaded."""

    def __init__(self):
        super().__init__()
        self.nlp = {"en": spacy.blank("en")}


def ask_presidio(documents):
    """As it comes: every match is reported, since there is no least score unless a user sets one."""
    recognizers = [NhsRecognizer(), UkNinoRecognizer(), UkPostcodeRecognizer()]
    engine = AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=recognizers), nlp_engine=BlankEngine(), supported_languages=["en"]
    )
    return [
        {PRESIDIO_KINDS[result.entity_type] for result in engine.analyze(document["text"], language="en")}
        for document in documents
    ]


def ask_stdnum(documents):
    """It checks a number and finds none, so it is given all that could be one, as written: it removes what it knows."""
    return [
        {"nhs_number"} if any(map(stdnum.gb.nhs.is_valid, TEN_DIGITS.findall(document["text"]))) else set()
        for document in documents
    ]


# ---- The tables ----------------------------------------------------------------------------------------------


class Score(NamedTuple):
    right: int
    false: int
    missed: int

    @property
    def precision(self):
        return ratio(self.right, self.right + self.false)

    @property
    def recall(self):
        return ratio(self.right, self.right + self.missed)


def ratio(part, whole):
    return part / whole if whole else 0.0


def score(kind, truths, answers):
    pairs = [(truth, kind in answer) for truth, answer in zip(truths, answers, strict=True) if truth is not None]
    return Score(pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False)))


def standing(ours, theirs):
    if ours.recall >= theirs.recall and ours.right:
        if ours.precision > theirs.precision:
            return "ahead"
        if ours.false == theirs.false == 0:
            return "level"
    return "behind"


def print_table(title, kinds, judge, documents, tools):
    """Returns where trustwatch stands against each peer that has the kind."""
    print(f"\n{title}\n")
    print(f"{'kind':14} {'tool':28}  right  false missed precision  recall  trustwatch is")
    standings = []
    for kind in kinds:
        truths = [judge(kind, document) for document in documents]
        ours = score(kind, truths, tools[OURS][1])
        for tool, (known, answers) in tools.items():
            if kind not in known:
                print(f"{kind:14} {tool:28} {'none':>6}")
                continue
            theirs = score(kind, truths, answers)
            stands = "" if tool == OURS else standing(ours, theirs)
            standings += [stands] if stands else []
            print(
                f"{kind:14} {tool:28} {theirs.right:6} {theirs.false:6} {theirs.missed:6}"
                f" {theirs.precision:9.4f} {theirs.recall:7.4f}  {stands}".rstrip()
            )
        if None in truths:
            print(f"{'':14} set aside: {truths.count(None)} texts")
    return standings


def print_our_errors(documents, answers):
    """Those in (a) are among those in (b)."""
    wrong = [
        f"{'missed' if kind in document['has'] else 'false'} {kind}: {document['text']!r}"
        for document, answer in zip(documents, answers, strict=True)
        for kind in generate.KINDS
        if (kind in document["has"]) != (kind in answer)
    ]
    print(f"\ntrustwatch is wrong {len(wrong)} times", *wrong[:WRONG_SHOWN], sep="\n  ")


def check_reading(documents):
    """What belongs to a person must also read as valid, or (a) would set the wrong texts aside."""
    for document in documents:
        for kind, holds in HOLDS.items():
            if kind in document["has"] and not holds(document["text"]):
                sys.exit(f"identifiers.py: reads no {kind} in {document['text']!r}")


def options():
    parser = argparse.ArgumentParser(description="Ours and the peers' answers on the same generated text.")
    parser.add_argument("--seed", type=int, default=20261123, help="not the seed of our own measure")
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("product", help="the built program")
    return parser.parse_args()


def main():
    given = options()
    documents = list(generate.generate(given.seed, given.count))
    check_reading(documents)
    tools = {
        OURS: (set(generate.KINDS), ask_trustwatch(given.product, documents)),
        f"presidio-analyzer {version('presidio-analyzer')}": (set(PRESIDIO_KINDS.values()), ask_presidio(documents)),
        f"python-stdnum {version('python-stdnum')}": ({"nhs_number"}, ask_stdnum(documents)),
    }
    print(f"{given.count} texts of seed {given.seed}")
    alone = print_table("(a) by validity alone", HOLDS, by_validity, documents, tools)
    whose = print_table("(b) by whose it is", generate.KINDS, by_person, documents, tools)
    print_our_errors(documents, tools[OURS][1])
    if "behind" in alone or set(whose) != {"ahead"}:
        sys.exit("\nidentifiers.py: trustwatch is not ahead")


if __name__ == "__main__":
    main()
