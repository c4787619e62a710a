"""What went wrong with a request, in our own words: obstore's may hold addresses and keys."""

import re


class Unavailable(Exception):
    """An object could not be had. `kind` of a source: missing, refused, broken (may come whole the
    next time), unanswered, unusable for all; of all sources: missing, failed. It tells no secret.
    """

    def __init__(self, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.kind = kind


REGION = "the bucket is in another region; set aws.region to that"
S3_CODES = {  # those that concern all objects
    "AuthorizationHeaderMalformed": REGION,
    "ExpiredToken": "the credentials have expired; get new ones and run again",
    "InvalidAccessKeyId": "the access key is unknown to the server; check aws.profile",
    "SignatureDoesNotMatch": "the secret key does not match the access key; check aws.profile",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "NoSuchBucket": "there is no such bucket; check the source",
}
CAUSES = {  # what obstore's cause holds where there is no HTTP status -> its meaning and kind
    "BareRedirect": (REGION, "unusable"),
    "External AWS credential": ("the credentials cannot be renewed; log in again", "unusable"),
    "InvalidCertificate": ("the certificate cannot be trusted; set AWS_CA_BUNDLE", "unusable"),
    "MissingContentLength": ("the server does not tell the object's length", "refused"),
    '"dns error"': ("no such host, or no network", "unanswered"),
    "kind: Connect,": ("no connection", "unanswered"),
    "kind: Timeout,": ("nothing came in time", "unanswered"),
    "kind: Request,": ("the connection broke", "unanswered"),
}


def explained(error: Exception) -> Unavailable:
    """What an exception of obstore means; what nothing else explains is a transfer cut short."""
    cause = str(error).partition("Debug source:")[2]  # Rust's Debug of it
    status = re.search(r"inner: Status \{\s+status: (\d{3}),(?:.*<Code>(\w{1,60})<)?", cause, re.S)
    if not status:
        known = (meaning for sign, meaning in CAUSES.items() if sign in cause)
        return Unavailable(*next(known, ("the answer or its body was cut short", "broken")))
    number, code = int(status[1]), status[2]
    reason = f"HTTP status {number}" + f", {code}" * bool(code)
    if code in S3_CODES:
        return Unavailable(f"{code}: {S3_CODES[code]}", "unusable")
    if number in (404, 410):
        return Unavailable(reason, "missing")
    if number in (408, 429) or number >= 500 or code == "RequestTimeout":
        return Unavailable(reason, "broken")
    hint = "; may these credentials read it?" if number in (401, 403) else ""
    return Unavailable(reason + hint, "refused")
