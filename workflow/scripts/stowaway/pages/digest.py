"""The digest: one message per batch, sent through apprise, and what each address has by now.

An address is apprise's URL, which holds passwords and tokens. Nothing of it is ever shown, nor of
what a library or a server says about it: errors are told by their kind, in words of our own.
"""

import html
import json
import logging
import re
import secrets
import smtplib
import socket
import ssl
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import scrypt
from pathlib import Path

import apprise
import pandas as pd
from apprise.attachment.memory import AttachMemory
from apprise.plugins.email import NotifyEmail

from stowaway.core.files import Damaged, reading, replacing
from stowaway.core.script import BadInput
from stowaway.pages.overview import counted

VARIABLE = "STOWAWAY_DIGEST"
DROPPED = "has a recipient that is none"
PICTURES = 10  # alarms that are shown
TIMEOUT = 30  # seconds without a byte from a server

# The first that fits an error, or what led to it, says why a message was not accepted.
REASONS = (
    (TimeoutError, "the server did not answer in time"),
    (smtplib.SMTPAuthenticationError, "the server refused the login"),
    (smtplib.SMTPSenderRefused, "the server refused the sender"),
    (smtplib.SMTPRecipientsRefused, "the server refused the recipient"),
    (smtplib.SMTPDataError, "the server refused the message"),
    (smtplib.SMTPServerDisconnected, "the server hung up"),
    (smtplib.SMTPNotSupportedError, "the server lacks a login, or STARTTLS"),
    (smtplib.SMTPException, "the server refused"),
    (ssl.SSLError, "no secure connection; is its certificate good?"),
    (socket.gaierror, "there is no such host"),
    (ConnectionRefusedError, "the connection was refused"),
    (OSError, "the connection failed"),
)
_CODE = re.compile(r"\berror=(\d{3})\b|\bwas refused: (\d{3})\b")
_LEFT_OUT_OF_TEXT = str.maketrans("<>@", "()＠")  # what chats take for links and for calls to all


@dataclass(frozen=True)
class Message:
    """What is sent: a title of one line, the body as text and as HTML, JPEGs by the HTML's cid."""

    title: str
    text: str
    html: str
    pictures: dict[str, bytes]


def compose(
    batch: str, queue: pd.DataFrame, new: pd.DataFrame, page: Path, pictures: dict[str, bytes]
) -> Message:
    """The message about `new`, the rows of the queue that an address has not heard of yet.

    `queue` is the whole of it: of its rows without `sampled`, the message says how many there are
    and why. `pictures` are JPEGs by event; those of the first PICTURES alarms are embedded.
    """
    alarms = new[new["alarm"] == "yes"]
    title = f"{batch}: {counted(len(new), 'event')} to review, {counted(len(alarms), 'alarm')}"
    left_out = Counter(queue.loc[queue["sampled"] == "", "suppressed"])
    further = left_out.pop("", 0)
    lines = [f"{n:,} left out: {reason}" for reason, n in left_out.most_common()]
    lines += [f"{counted(further, 'further event')} in queue.csv, not on the page"] * bool(further)
    if len(alarms) > PICTURES:
        lines.insert(0, f"{len(alarms) - PICTURES:,} more alarms are on the page")
    text, cells, shown = [f"Open {page}", ""], [], {}
    for place, row in enumerate(alarms.head(PICTURES).itertuples(), 1):
        when = row.datetime[:16].replace("T", " ")
        words = [", ".join(filter(None, (row.location, when))), f"p = {row.p_value:.2g}"]
        words += [row.nearest] * bool(row.nearest)
        text.append(f"{place}. {'; '.join(words)}")
        picture = "no picture"
        if row.event in pictures:
            shown[f"{place}.jpg"] = pictures[row.event]
            picture = f'<img src="cid:{place}.jpg" alt="crop {place}" width="200">'
        described = "<br>".join(map(html.escape, words))
        cells.append(f"<tr><td>{picture}</td><td><b>{place}.</b> {described}</td></tr>")
    body = (
        f"<p><b>{html.escape(title)}</b></p><p>Open {html.escape(str(page))}</p>"
        f'<table cellpadding="6">{"".join(cells)}</table>'
        + "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    )
    plain = "\n".join(" ".join(line.split()) for line in [*text, "", *lines])
    return Message(title, plain.translate(_LEFT_OUT_OF_TEXT), body, shown)


@dataclass(frozen=True)
class Address:
    """One recipient. `name` says which one without a secret, `url` is all that tells it apart."""

    name: str
    url: str = field(repr=False)
    service: apprise.NotifyBase = field(repr=False)

    def send(self, message: Message) -> str:
        """Why the server did not accept the message, or '' where it did."""
        # Chats take a part of HTML, if any; a mail may ask for text alone.
        asked = apprise.NotifyFormat.HTML
        rich = isinstance(self.service, NotifyEmail) and self.service.resolve_format(asked) == asked
        body, form = (message.html, "html") if rich else (message.text, "text")
        pictures = apprise.AppriseAttachment()
        for name, content in message.pictures.items():
            pictures.add(AttachMemory(content=content, name=name, mimetype="image/jpeg"))
        with _overheard() as reasons:
            try:
                if self.service.notify(
                    title=message.title, body=body, body_format=form, attach=pictures or None
                ):
                    return ""
            except Exception as error:  # its words may hold the address
                reasons.append(_kind(error))
        return next(filter(None, reversed(reasons)), "it was not accepted")


def addresses(setting: str) -> list[Address]:
    """The recipients of a setting of apprise's URLs between blanks; each of a mail's is its own.

    Otherwise, one refused recipient would have the others get the mail again. Raises `BadInput`
    where there is none, or where apprise cannot read one.
    """
    urls = list(dict.fromkeys(setting.split()))
    if not urls:
        raise BadInput(
            f"{VARIABLE}: not set in the environment; set it to where the digest goes, such as "
            "mailtos://user:password@example.org?to=ranger@example.org (apprise's URLs, with a "
            "blank between two)"
        )
    found: list[Address] = []
    asset = apprise.AppriseAsset(app_id="stowaway", storage_mode="memory", http_redirects=False)
    for place, url in enumerate(urls, 1):
        with _overheard() as reasons:
            try:
                service = apprise.Apprise.instantiate(url, asset=asset)
            except Exception:  # its words may hold the address
                service = None
        if service is None or DROPPED in reasons:
            what = DROPPED if service else "is none that apprise reads"
            raise BadInput(
                f"{VARIABLE}: address {place} of {len(urls)} {what}; see "
                "https://github.com/caronc/apprise for how each kind is written"
            )
        service.socket_connect_timeout = service.socket_read_timeout = TIMEOUT
        name = f"address {place} of {len(urls)} ({url.partition('://')[0]})"
        if not isinstance(service, NotifyEmail):
            found.append(Address(name, url, service))
            continue
        service.inline = True
        for number, target in enumerate(service.targets, 1):
            one = copy(service)
            one.targets = [target]
            of_several = f", recipient {number}" * (len(service.targets) > 1)
            found.append(Address(name + of_several, f"{url} {target[1]}", one))
    return found


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Keep what libraries log and warn of from everybody: urllib3's lines have whole addresses.

    Yields the kinds of errors that they are about, once they come.
    """
    reasons, root, logger = [], logging.getLogger(), logging.getLogger("apprise")

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if code := _CODE.search(record.getMessage()):
                reasons.append(f"the server answered {code[1] or code[2]}")
            elif record.getMessage().startswith("Dropped invalid"):
                reasons.append(DROPPED)  # the others would be sent to, and nobody would know
            elif error := sys.exc_info()[1]:
                reasons.append(_kind(error))

    handlers, level = root.handlers, logger.level
    root.handlers = [Listener()]
    logger.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield reasons
    finally:
        root.handlers = handlers
        logger.setLevel(level)


def _kind(error: BaseException | None) -> str:
    """The words of REASONS for an error or what led to it, with the code of a mail server."""
    chain = []
    while error and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    for kind, words in REASONS:
        for one in chain:
            if isinstance(one, kind):
                codes = [code for code, _ in getattr(one, "recipients", {}).values()]
                code = getattr(one, "smtp_code", None) or next(iter(codes), None)
                return f"{words} ({code})" if isinstance(code, int) else words
    return ""


@cache
def _checksum(url: str, salt: str) -> str:
    return scrypt(url.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=16).hex()


class Sent:
    """Which events of which batch each address has been sent: a JSON, written after each one.

    An address stands there as a salted, slow checksum, by which its password cannot be guessed.
    """

    def __init__(self, path: Path) -> None:
        """Read the file, where there is one. Raises `BadInput` where it is damaged."""
        self.path, self.salt, self.events = path, secrets.token_hex(16), {}
        if path.exists():
            with reading(path, "mend it, or delete it and the digest is sent again"):
                content = json.loads(path.read_text(encoding="utf-8"))
                try:
                    if content["schema"] != 1:
                        raise Damaged(f"its schema is {content['schema']}")
                    self.salt, sent = str(content["salt"]), content["sent"].items()
                    self.events = {
                        address: {batch: dict(times) for batch, times in batches.items()}
                        for address, batches in sent
                    }
                except (AttributeError, TypeError):
                    raise Damaged("it holds something else") from None

    def to(self, address: Address, batch: str) -> dict[str, str] | None:
        """When each event of the batch was sent to the address; None where it has no message."""
        return self.events.get(_checksum(address.url, self.salt), {}).get(batch)

    def add(self, address: Address, batch: str, events: list[str]) -> None:
        """Note down that the address has a message about these events, and write the file."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        known = self.events.setdefault(_checksum(address.url, self.salt), {}).setdefault(batch, {})
        known.update(dict.fromkeys(events, now))
        with replacing(self.path) as file:
            json.dump({"schema": 1, "salt": self.salt, "sent": self.events}, file, indent=1)
