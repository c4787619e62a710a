"""What an http(s) server answered, and what its refusals and libcurl's errors mean."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import cached_property

import pycurl


class Unavailable(Exception):
    """An object could not be had; the message says why, without any credential.

    `kind`: missing (it is not there), refused (trying again is of no use), broken (it may work the
    next time), throttled (it will, later: after `wait` seconds), unusable (nothing can be had from
    this source).
    """

    def __init__(self, reason: str, kind: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.kind, self.wait = kind, wait


@dataclass
class Answer:
    """An answer's head. `md5` is the hexadecimal MD5 of the whole object, where the server says."""

    status: int
    headers: dict[str, str] = field(repr=False)
    s3: bool = False

    def add(self, line: bytes) -> None:
        """Take in a line of the head; after a redirect, a new status line begins a new head."""
        if line.startswith(b"HTTP/"):
            self.status = int(line.split()[1])
            self.headers.clear()
        elif b":" in line:
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name.strip().lower()] = value.strip()

    @property
    def length(self) -> int | None:
        """Bytes that the body has, if the server says."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isdigit() else None

    @cached_property  # and so to be asked for once the head is whole
    def md5(self) -> str | None:
        """From x-goog-hash or Content-MD5; or from the ETag of S3, the MD5 of most objects.

        Not of a multipart upload, whose ETag has a dash, nor of an object encrypted by a key of the
        user's, where S3 says so. Another server's ETag may look like an MD5 and be anything.
        """
        found = re.search(r"md5=([\w+/]+=*)", self.headers.get("x-goog-hash", ""))
        encoded = found[1] if found else self.headers.get("content-md5")
        if encoded:
            try:
                return base64.b64decode(encoded, validate=True).hex()
            except binascii.Error:
                return None
        if not (self.s3 or "x-amz-request-id" in self.headers):
            return None
        own_key = "x-amz-server-side-encryption-customer-algorithm" in self.headers
        kms = self.headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
        tag = re.fullmatch(r'"?([0-9a-f]{32})"?', self.headers.get("etag", ""))
        return tag[1] if tag and not (own_key or kms) else None


_BROKEN = {
    pycurl.E_COULDNT_RESOLVE_HOST: "no such host, or no network",
    pycurl.E_COULDNT_RESOLVE_PROXY: "no such proxy",
    pycurl.E_COULDNT_CONNECT: "no connection",
    pycurl.E_PARTIAL_FILE: "the body was cut short",
    pycurl.E_OPERATION_TIMEDOUT: "nothing came in time",
    pycurl.E_GOT_NOTHING: "the connection closed without an answer",
    pycurl.E_RECV_ERROR: "the connection broke",
    pycurl.E_SEND_ERROR: "the connection broke",
    pycurl.E_WRITE_ERROR: "stopped",
}
_UNUSABLE = {
    pycurl.E_PEER_FAILED_VERIFICATION: "the server's certificate cannot be trusted; for a private "
    "authority, name its certificate in AWS_CA_BUNDLE",
    pycurl.E_URL_MALFORMAT: "the address is malformed",
    pycurl.E_UNSUPPORTED_PROTOCOL: "only http and https are spoken",
    pycurl.E_SSL_CACERT_BADFILE: "the file in AWS_CA_BUNDLE or SSL_CERT_FILE cannot be read",
}
_CREDENTIALS = {
    "ExpiredToken": "the credentials have expired; get new ones and run again",
    "TokenRefreshRequired": "the credentials have expired; get new ones and run again",
    "InvalidToken": "the session token is not valid; get new credentials and run again",
    "InvalidAccessKeyId": "the access key is unknown to the server; check aws.profile",
    "SignatureDoesNotMatch": "the secret key does not match the access key; check aws.profile",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "NoSuchBucket": "there is no such bucket; check the source",
    "InvalidBucketName": "that is no name of a bucket; check the source",
}


def broken_by(code: int) -> Unavailable:
    if code in _UNUSABLE:
        return Unavailable(_UNUSABLE[code], "unusable")
    return Unavailable(_BROKEN.get(code, f"the transfer failed (libcurl error {code})"), "broken")


def refused_by(answer: Answer, body: bytes) -> Unavailable:
    """What an answer other than 200 means; `body` is its start, in which S3 has a code."""
    found = re.search(rb"<Code>(\w{1,60})</Code>", body)
    code = found[1].decode() if found else ""
    status = f"HTTP status {answer.status}" + f", {code}" * bool(code)
    region = re.sub("[^a-z0-9-]", "", answer.headers.get("x-amz-bucket-region", ""))
    if code in _CREDENTIALS:
        return Unavailable(f"{code}: {_CREDENTIALS[code]}", "unusable")
    if answer.status in (301, 400) and (region or code == "AuthorizationHeaderMalformed"):
        where = f"in {region}; set aws.region to that" if region else "not in aws.region"
        return Unavailable(f"{status}: the bucket is {where}", "unusable")
    if answer.status in (404, 410):
        return Unavailable(status, "missing")
    if answer.status in (429, 503):
        after = answer.headers.get("retry-after", "")
        return Unavailable(status, "throttled", float(after) if after.isdigit() else 0)
    if answer.status == 408 or answer.status >= 500 or code == "RequestTimeout":
        return Unavailable(status, "broken")
    hint = "; may these credentials read it?" if answer.status in (401, 403) else ""
    return Unavailable(status + hint, "refused")
