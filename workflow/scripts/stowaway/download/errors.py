"""What went wrong with a request, in our own words: obstore's may hold addresses and keys."""

import re


class Unavailable(Exception):
    """An object could not be had; the message says why, without any credential.

    `kind`: missing (it is not there), refused (trying again is of no use), broken (it may work the
    next time), unanswered (so it may, and the server said nothing), unusable (of no object).
    """

    def __init__(self, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.kind = kind


S3_CODES = {  # those that concern all objects
    "ExpiredToken": "the credentials have expired; get new ones and run again",
    "InvalidToken": "the session token is not valid; get new credentials and run again",
    "InvalidAccessKeyId": "the access key is unknown to the server; check aws.profile",
    "SignatureDoesNotMatch": "the secret key does not match the access key; check aws.profile",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "NoSuchBucket": "there is no such bucket; check the source",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set aws.region to that",
}
UNTRUSTED = "the server's certificate cannot be trusted; name your authority's in AWS_CA_BUNDLE"
WITHOUT_STATUS = {  # what the cause holds -> its meaning and kind
    "BareRedirect": ("the bucket is in another region; set aws.region to that", "unusable"),
    "External AWS credential": ("the credentials cannot be renewed; log in again", "unusable"),
    "InvalidCertificate": (UNTRUSTED, "unusable"),
    "MissingContentLength": ("the server does not tell the object's length", "refused"),
    '"dns error"': ("no such host, or no network", "unanswered"),
    "kind: Connect,": ("no connection", "unanswered"),
    "kind: Timeout,": ("nothing came in time", "unanswered"),
    "kind: Request,": ("the connection broke", "unanswered"),
}


def explained(error: Exception) -> Unavailable:
    """What an exception of obstore means.

    Its text ends with the cause as Rust's Debug prints it, which no key or address can imitate.
    """
    cause = str(error).partition("Debug source:")[2]
    if status := re.search(r"inner: Status \{\s+status: (\d{3}),", cause):
        return _refusal(int(status[1]), cause[status.end() :])
    for sign, (reason, kind) in WITHOUT_STATUS.items():
        if sign in cause:
            return Unavailable(reason, kind)
    return Unavailable("the body was cut short", "broken")


def _refusal(status: int, body: str) -> Unavailable:
    """What an HTTP status other than 200 means; S3 has a code in the body, but not of a HEAD."""
    found = re.search(r"<Code>(\w{1,60})</Code>", body)
    code = found[1] if found else ""
    if code in S3_CODES:
        return Unavailable(f"{code}: {S3_CODES[code]}", "unusable")
    reason = f"HTTP status {status}" + f", {code}" * bool(code)
    if status in (404, 410):
        return Unavailable(reason, "missing")
    if status in (408, 429) or status >= 500 or code == "RequestTimeout":
        return Unavailable(reason, "broken")
    hint = "; may these credentials read it?" if status in (401, 403) else ""
    return Unavailable(reason + hint, "refused")
