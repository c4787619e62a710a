"""The digest, sent to real servers on the loopback that fail at each step, and its secrets."""

import email
import io
import logging
import os
import re
import socket
import subprocess
import sys
import time
import warnings
from email.message import EmailMessage
from email.policy import default

import numpy as np
import pandas as pd
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from PIL import Image
from werkzeug import Response

from conftest import ROOT
from send_digest import send_digest
from stowaway.core.script import BadInput
from stowaway.core.tables import write_sheet
from stowaway.pages import digest

SECRET = "hunter2-s3cr3t"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> @everyone <!here>"
LOGIN = f"ranger:{SECRET}"


class PostOffice(Controller):
    """A mail server that keeps `mails`, and fails at the step `fails`."""

    fails, mails, refused = "", (), ()

    def factory(self):
        office = self

        class Server(SMTP):
            async def smtp_DATA(self, argument):
                if office.fails == "drop":
                    await self.push("354 go on")
                    return self.transport.abort()
                return await super().smtp_DATA(argument)

        return Server(
            self,
            hostname="localhost",
            auth_require_tls=False,
            authenticator=lambda *_: AuthResult(
                success=office.fails != "login", auth_data=b"", handled=False
            ),
        )

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.fails == "recipient" or address in self.refused:
            return f"550 {LOGIN} unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.fails == "slow":
            time.sleep(0.5)
            return "451 later"
        if self.fails == "data":
            return f"554 no: {LOGIN}"
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 OK"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def office():
    office = PostOffice(None, hostname="127.0.0.1", port=free_port())
    office.handler, office.mails = office, []
    office.start()
    yield office
    office.stop()


@pytest.fixture
def mailto(office):
    """The office's address, for recipients as a query."""
    return lambda to="a@example.org": (
        f"mailto://{LOGIN}@127.0.0.1:{office.port}/?from=stowaway@example.org&to={to}"
    )


@pytest.fixture
def batch(tmp_path, monkeypatch):
    """A function that writes a queue, of alarms and other events, and sends its digest."""

    def send(setting: str, alarms=("a", "b"), others=("c",)) -> None:
        events = [*alarms, *others, "hidden", "rock"]
        table = pd.DataFrame({"event": events, "location": HOSTILE})
        table["crop_id"], table["species"], table["role"] = events, "unnamed", "new"
        table["datetime"] = "2026-11-20T21:05:09-08:00"
        table["p_value"], table["nearest"] = 0.0263157, "unlike any native; nearest fox 0.41"
        table["alarm"] = ["yes" if event in alarms else "no" for event in events]
        table["sampled"] = ["alarm" if e in alarms else "budget" for e in events[:-2]] + ["", ""]
        table["suppressed"] = [""] * (len(events) - 1) + ["same box 34 times at one location"]
        write_sheet(table, tmp_path / "queue.csv")
        shown = events[:-2]
        crops = np.zeros((len(shown), 8, 8, 3), np.uint8)
        crops[:, 2:6, :, 0] = 200  # a red crop of 8 x 4 pixels, padded
        box = np.tile([0, 2, 8, 4], (len(shown), 1))
        arrays = {"event": np.array(shown, str), "crops": crops, "box": box}
        np.savez(tmp_path / "explanations.npz", **arrays)
        monkeypatch.setenv("STOWAWAY_DIGEST", setting)
        paths = [tmp_path / name for name in ("queue.csv", "explanations.npz", "queue.html")]
        send_digest(*paths, str(tmp_path / "digest.json"), "2026-w47")

    return send


def part(mail: EmailMessage, kind: str) -> str:
    return mail.get_body([kind]).get_content()


def test_a_mail_has_text_and_html_with_the_crops_of_the_alarms_in_it(batch, office, mailto):
    batch(mailto())
    (mail,) = office.mails
    assert mail["Subject"] == "2026-w47: 3 events to review, 2 alarms"
    assert mail["To"] == "a@example.org"
    page = part(mail, "html")
    images = {part["Content-ID"]: part for part in mail.walk() if part["Content-ID"]}
    assert re.findall('src="cid:([^"]+)"', page) == ["1.jpg", "2.jpg"]
    assert sorted(images) == ["<1.jpg>", "<2.jpg>"]
    for image in images.values():
        crop = Image.open(io.BytesIO(image.get_content()))
        assert (crop.format, crop.size) == ("JPEG", (8, 4))
        assert np.allclose(crop.getpixel((4, 2)), (200, 0, 0), atol=12)
    for text in (page, part(mail, "plain")):
        assert "1. " in re.sub("<[^>]+>", "", text) and "2026-11-20 21:05" in text
        assert "p = 0.026" in text and "queue.html" in text
        assert "nearest fox 0.41" in text
        assert "1 left out: same box 34 times at one location" in text
        assert "1 further event in queue.csv, not on the page" in text


def test_hostile_labels_stay_text(batch, office, mailto, httpserver):
    httpserver.expect_request("/hook", method="POST").respond_with_data("")
    batch(f"{mailto()} json://{httpserver.host}:{httpserver.port}/hook")
    page = part(office.mails[0], "html")
    assert set(re.findall("<(/?[a-z!]+)", page)) == set(
        "p /p b /b table /table tr /tr td /td img br".split()
    )
    assert "&lt;script&gt;" in page and "onerror=alert" not in re.sub(">[^<]*<", "><", page)
    ((request, _),) = httpserver.log
    assert not set("<>@") & set(request.json["message"])  # no link and no call to all in a chat
    assert "1. (script)alert" in request.json["message"]
    assert [file["filename"] for file in request.json["attachments"]] == ["1.jpg", "2.jpg"]


def test_ten_alarms_are_shown_and_the_others_are_counted(batch, office, mailto):
    batch(mailto(), [f"a{n}" for n in range(12)])
    assert part(office.mails[0], "html").count("<img") == 10
    assert "2 more alarms are on the page" in part(office.mails[0], "html")


def test_a_run_again_sends_nothing_and_new_events_are_sent_alone(batch, office, mailto):
    batch(mailto())
    batch(mailto())
    assert len(office.mails) == 1
    batch(mailto(), ("a", "b", "new"))
    batch(mailto(), ("a",))
    assert [mail["Subject"].split(": ")[1] for mail in office.mails] == [
        "3 events to review, 2 alarms",
        "1 event to review, 1 alarm",
    ]


def test_a_batch_with_nothing_to_review_says_so_once(batch, office, mailto):
    batch(mailto(), (), ())
    batch(mailto(), (), ())
    assert [mail["Subject"] for mail in office.mails] == ["2026-w47: 0 events to review, 0 alarms"]


@pytest.mark.parametrize(
    "fails, reason",
    [
        ("login", "the server refused the login (535)"),
        ("recipient", "the server refused the recipient (550)"),
        ("data", "the server refused the message (554)"),
        ("drop", "the server hung up"),
        ("slow", "the server did not answer in time"),
    ],
)
def test_a_mail_that_fails_is_not_noted_down_and_is_sent_by_the_next_run(
    batch, office, mailto, tmp_path, capfd, fails, reason
):
    office.fails = fails
    with pytest.raises(BadInput) as error, pytest.MonkeyPatch.context() as patch:
        patch.setattr(digest, "TIMEOUT", 0.3 if fails == "slow" else 30)
        batch(mailto())
    line = str(error.value)
    assert f"address 1 of 1 (mailto): {reason};" in line
    assert "\n" not in line and SECRET not in line + "".join(capfd.readouterr())
    assert not (tmp_path / "digest.json").exists()
    assert not office.mails
    office.fails = ""
    batch(mailto())
    assert len(office.mails) == 1


@pytest.mark.parametrize(
    "answer, reason",
    [
        (lambda _: Response(LOGIN, 500), "the server answered 500"),
        (lambda _: Response("", 302, {"Location": f"/{SECRET}"}), "the server answered 302"),
        (lambda _: time.sleep(0.5) or Response(), "the server did not answer in time"),
    ],
)
def test_a_web_server_that_fails(batch, httpserver, tmp_path, capfd, answer, reason):
    httpserver.expect_oneshot_request("/hook").respond_with_handler(answer)
    address = f"json://{LOGIN}@{httpserver.host}:{httpserver.port}/hook"
    line = re.escape(f"address 1 of 1 (json): {reason};")
    with pytest.raises(BadInput, match=line) as error, pytest.MonkeyPatch.context() as patch:
        patch.setattr(digest, "TIMEOUT", 0.3 if reason.endswith("in time") else 30)
        batch(address)
    assert SECRET not in str(error.value) + "".join(capfd.readouterr())
    httpserver.expect_request("/hook").respond_with_data("")
    batch(address)


def test_what_libraries_log_of_an_address_reaches_nobody(capfd):
    with digest._overheard() as reasons:
        logging.getLogger("urllib3.connectionpool").warning("no headers (url=%s)", SECRET)
        logging.getLogger("apprise").warning("Could not load %s: error=503.", SECRET)
        warnings.warn(SECRET, stacklevel=1)
    assert reasons == ["the server answered 503"]
    assert SECRET not in "".join(capfd.readouterr())


def test_a_refused_connection(batch):
    refused = r"\({}\): the connection was refused; "
    with pytest.raises(BadInput, match=refused.format("json") + ".*" + refused.format("mailto")):
        batch(f"json://127.0.0.1:{free_port()}/x mailto://127.0.0.1:{free_port()}/?from=a@b.org")


def test_who_has_the_message_gets_it_once_though_another_server_fails(
    batch, office, mailto, httpserver
):
    httpserver.expect_oneshot_request("/hook").respond_with_data("", 500)
    office.refused = ["gone@example.org"]
    both = f"json://{httpserver.host}:{httpserver.port}/hook\n"
    both += mailto("a@example.org,gone@example.org")
    with pytest.raises(
        BadInput, match="; run again to send what is missing, 1 of 3 have it"
    ) as error:
        batch(both)
    assert "address 2 of 2 (mailto), recipient 2: " in str(error.value)
    httpserver.expect_request("/hook").respond_with_data("")
    office.refused = ()
    batch(both)
    batch(both)
    assert [mail["To"] for mail in office.mails] == ["a@example.org", "gone@example.org"]
    assert len(httpserver.log) == 2


@pytest.mark.parametrize(
    "setting, line",
    [
        ("", "STOWAWAY_DIGEST: not set in the environment; set it to"),
        (" \n", "STOWAWAY_DIGEST: not set"),
        (
            "mailto://127.0.0.1:1/?from=a@b.org&to=ranger",
            "address 1 of 1 has a recipient that is none",
        ),
        (f"{SECRET}", "address 1 of 1 is none that apprise reads"),
        (f"json://127.0.0.1:1/x slack://{SECRET}", "address 2 of 2 is none that apprise reads"),
        (f"mailto://{LOGIN}@127.0.0.1/?from={SECRET}", "address 1 of 1 is none"),
    ],
)
def test_a_setting_that_is_no_address_sends_nothing(batch, tmp_path, capfd, setting, line):
    with pytest.raises(BadInput, match=re.escape(line)) as error:
        batch(setting)
    assert SECRET not in str(error.value) + "".join(capfd.readouterr())
    assert not (tmp_path / "digest.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"schema": 1}',
        '{"schema": 2}',
        '{"schema": 1, "salt": "a", "sent": {"x": {"y": 1}}}',
    ],
)
def test_a_damaged_state_is_one_line_and_nothing_is_sent(batch, office, mailto, tmp_path, content):
    (tmp_path / "digest.json").write_text(content)
    with pytest.raises(BadInput, match=r"digest\.json: damaged .*mend it, or delete it"):
        batch(mailto())
    assert not office.mails


SNAKEFILE = """
from snakemake.exceptions import WorkflowError
RESULTS = "results/w47"
config["name"] = "w47"
pathvars:
    results=RESULTS,
def modules(script):
    return []
include: {rules!r}
"""


def test_no_secret_is_in_any_file_or_line_of_a_run(batch, office, mailto, tmp_path):
    """The real rule under Snakemake, once refused and once accepted."""
    setting = f"{mailto()} json://127.0.0.1:{free_port()}/{SECRET}?+X-Token={SECRET}"
    with pytest.raises(BadInput):
        batch(setting)
    folder = tmp_path / "results/w47"
    folder.mkdir(parents=True)
    (tmp_path / "queue.html").touch()
    for name in ("queue.csv", "explanations.npz", "queue.html"):
        (tmp_path / name).rename(folder / name)
    rules = str(ROOT / "workflow/rules/digest.smk")
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(rules=rules))
    office.mails.clear()
    command = [sys.executable, "-m", "snakemake", "send_digest", "--cores", "1", "--printshellcmds"]
    environment = os.environ | {"STOWAWAY_DIGEST": setting}
    environment |= {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 1 and len(office.mails) == 1, printed
    assert "address 2 of 2 (json): the connection was refused" in printed
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"digest.json", "send_digest.log"} <= {path.name for path in files}
    for content in [printed.encode(), *(path.read_bytes() for path in files)]:
        assert SECRET.encode() not in content and b"ranger" not in content
