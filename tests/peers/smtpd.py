#!/usr/bin/env python3
"""An SMTP server for the tests that shares no code with the product.

Usage: smtpd.py --dir MAILDIR [--port 0] [--starttls CERT KEY] [--require-starttls] [--tls CERT KEY]
                [--auth USER PASSWORD] [--require-auth]

The product's own SMTP double answers whatever a test asks for; this one answers as a mail server written
by others does (aiosmtpd), and Python's own email library reads what arrived. What both accept is no private
agreement between our client and our double.

It listens on 127.0.0.1, prints "LISTENING <port>" once it does, and ends when its standard input is closed,
so that it cannot outlive the test that started it. Each accepted message becomes two files in MAILDIR, both
complete before the client is told 250:

    NNNN.eml   the message as received, dots unstuffed
    NNNN.json  {"mail_from", "rcpt_to": [...], "auth": bool, "tls": bool, "peer": "ADDRESS:PORT",
                "headers": {name: value, or a list of values where the name occurs more than once},
                "parts": [{"content_type", "charset", "text"}], "defects": [...]}

"parts" are the leaves of the message in order; "text" is null for what is not text, and has "\\n" line ends.
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import os
import re
import ssl
import sys
import threading
import warnings
from hmac import compare_digest
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# RFC 5321, 2.3.8: CR and LF occur only together. Servers differ in what they take a lone one for.
LONE_CR_OR_LF = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class Store:
    """Writes each accepted message to the directory, numbered in the order of arrival.

    The names of the two handlers are the ones that aiosmtpd looks for.
    """

    def __init__(self, directory, implicit_tls, offers_auth):
        self.directory = directory
        self.implicit_tls = implicit_tls
        self.offers_auth = offers_auth
        self.count = 0

    async def handle_EHLO(self, _server, session, _envelope, hostname, responses):  # noqa: N802
        session.host_name = hostname
        # aiosmtpd announces AUTH even where no mechanism is left to announce.
        return [line for line in responses if self.offers_auth or not line.startswith("250-AUTH")]

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802
        self.count += 1
        raw = bytes(envelope.original_content)
        record = {
            "mail_from": envelope.mail_from,
            "rcpt_to": list(envelope.rcpt_tos),
            "auth": bool(session.authenticated),
            "tls": self.implicit_tls or session.ssl is not None,
            "peer": "{}:{}".format(*session.peer[:2]),
            **parse(raw),
        }
        # The JSON file comes last: a test that waits for it finds the message beside it.
        self.write(f"{self.count:04}.eml", raw)
        # Bytes that no header may hold come out of the parser as lone surrogates, which JSON readers refuse.
        text = json.dumps(record, ensure_ascii=False, indent=1)
        self.write(f"{self.count:04}.json", text.encode("utf-8", errors="replace"))
        return f"250 2.0.0 stored as {self.count:04}"

    def write(self, name, content):
        """Make the file appear whole: tests look into the directory while we write."""
        unfinished = self.directory / f".{name}.part"
        unfinished.write_bytes(content)
        os.replace(unfinished, self.directory / name)


def parse(raw):
    """What Python's email library makes of the message, and everything that it objects to."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    defects = []
    if LONE_CR_OR_LF.search(raw):
        defects.append("lone CR or LF")
    # SMTPUTF8 is not offered, so RFC 5322 holds as it stands.
    if not raw.partition(b"\r\n\r\n")[0].isascii():
        defects.append("header with bytes outside ASCII")

    headers = {}
    for name in dict.fromkeys(message.keys()):
        values = [str(value) for value in message.get_all(name)]
        headers[name] = values[0] if len(values) == 1 else values

    parts = []
    for part in message.walk():
        defects += [describe(defect) for defect in part.defects]
        for name, value in part.items():
            defects += [f"{name}: {describe(defect)}" for defect in getattr(value, "defects", ())]
        if not part.is_multipart():
            charset = part.get_content_charset()
            parts.append({"content_type": part.get_content_type(), "charset": charset, "text": text_of(part, defects)})
    return {"headers": headers, "parts": parts, "defects": defects}


def text_of(part, defects):
    if part.get_content_maintype() != "text":
        return None
    try:
        text = part.get_content(errors="strict")
    except (UnicodeDecodeError, LookupError) as error:
        defects.append(f"text does not decode: {error}")
        payload = part.get_payload(decode=True) or b""
        text = payload.decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n")


def describe(defect):
    return f"{type(defect).__name__}: {defect}" if str(defect) else type(defect).__name__


def authenticator(user, password):
    """Accepts one user over LOGIN and PLAIN; anything else gets aiosmtpd's own 535."""

    def check(_server, _session, _envelope, _mechanism, given):
        known = isinstance(given, LoginPassword) and (
            compare_digest(given.login, user.encode()) and compare_digest(given.password, password.encode())
        )
        return AuthResult(success=known, handled=known)

    return check


def tls_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def options(arguments):
    parser = argparse.ArgumentParser(description="An independent SMTP server for the tests.")
    parser.add_argument("--dir", required=True, type=Path, help="where accepted messages are stored")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--starttls", nargs=2, metavar=("CERT", "KEY"), help="offer STARTTLS")
    parser.add_argument("--require-starttls", action="store_true", help="refuse mail before STARTTLS")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="TLS from the first byte")
    parser.add_argument("--auth", nargs=2, metavar=("USER", "PASSWORD"), help="offer AUTH")
    parser.add_argument("--require-auth", action="store_true", help="refuse mail before AUTH")
    given = parser.parse_args(arguments)
    if given.tls and given.starttls:
        parser.error("--tls and --starttls exclude each other")
    if given.require_starttls and not given.starttls:
        parser.error("--require-starttls needs --starttls")
    if given.require_auth and not given.auth:
        parser.error("--require-auth needs --auth")
    return given


def stop_at_end_of_input(loop, stopped):
    """A thread, because the event loop can wait for pipes but not for files or /dev/null."""

    def wait():
        while sys.stdin.buffer.read(4096):
            pass
        loop.call_soon_threadsafe(stopped.set)

    threading.Thread(target=wait, daemon=True).start()


async def serve(given):
    loop = asyncio.get_running_loop()
    store = Store(given.dir, implicit_tls=bool(given.tls), offers_auth=bool(given.auth))
    starttls = tls_context(*given.starttls) if given.starttls else None

    def session():
        return SMTP(
            store,
            hostname="smtpd.test",
            ident="independent test server",
            loop=loop,
            tls_context=starttls,
            require_starttls=given.require_starttls,
            authenticator=authenticator(*given.auth) if given.auth else None,
            # As real servers do: where STARTTLS is offered, passwords are taken only behind it. aiosmtpd does
            # not see TLS that was there from the first byte, so there it must not ask.
            auth_require_tls=starttls is not None,
            auth_required=given.require_auth,
            # Without --auth there is no AUTH, so that "no credentials configured" is tested too.
            auth_exclude_mechanism=None if given.auth else ("LOGIN", "PLAIN"),
        )

    implicit = tls_context(*given.tls) if given.tls else None
    server = await loop.create_server(session, "127.0.0.1", given.port, ssl=implicit)
    stopped = asyncio.Event()
    stop_at_end_of_input(loop, stopped)
    print("LISTENING", server.sockets[0].getsockname()[1], flush=True)
    await stopped.wait()
    server.close()


def main():
    given = options(sys.argv[1:])
    given.dir.mkdir(parents=True, exist_ok=True)
    # aiosmtpd warns of AUTH without TLS, in its log and as Python warnings; here that is a case to test.
    logging.getLogger("mail").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="aiosmtpd")
    asyncio.run(serve(given))


if __name__ == "__main__":
    main()
