"""S3: boto3 knows profiles, regions, roles and endpoints; obstore signs and fetches."""

import logging
from contextlib import suppress
from datetime import timedelta
from urllib.parse import SplitResult

from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from obstore.store import S3Store

from stowaway.download.errors import Unavailable


def open_s3(url: SplitResult, aws: dict, options: dict) -> tuple:
    """The store of s3://bucket/prefix, and boto3's client, or None where nothing needs it.

    `aws` has profile, region, anonymous and endpoint_url. Path-style, since the certificate of
    bucket.s3.amazonaws.com covers no bucket with a dot in its name. Raises `Unavailable`.
    """
    region, endpoint, client = aws["region"], aws["endpoint_url"], None
    if not (aws["anonymous"] and region and endpoint):
        session, client = _ask_boto3(aws)
        region, endpoint = client.meta.region_name, client.meta.endpoint_url
        region = "us-east-1" if region in (None, "aws-global") else region
    if not aws["anonymous"]:
        from obstore.auth.boto3 import Boto3CredentialProvider  # loads boto3

        renewed = timedelta(minutes=9)  # since boto3 renews a role's 10 minutes before their end
        options["credential_provider"] = Boto3CredentialProvider(session, ttl=renewed)
    options |= {"prefix": url.path, "region": region, "aws_endpoint_url_s3": endpoint}
    options |= {"skip_signature": aws["anonymous"], "virtual_hosted_style_request": False}
    return S3Store(url.netloc, **options), client


def _ask_boto3(aws: dict) -> tuple:
    import boto3  # here, since it takes a quarter of a second

    logging.getLogger("botocore").setLevel(logging.CRITICAL)  # it logs what a profile holds
    try:
        session = boto3.Session(profile_name=aws["profile"], region_name=aws["region"])
        if aws["anonymous"] or session.get_credentials():
            return session, session.client("s3", endpoint_url=aws["endpoint_url"])
        reason = "no AWS credentials were found; set aws.profile, or aws.anonymous: true"
    except ProfileNotFound as error:
        name = error.kwargs["profile"]
        reason = f"aws.profile: '{name}' is not in ~/.aws; run: aws configure --profile {name}"
    except (BotoCoreError, ClientError, ValueError) as error:  # it may show what a profile holds
        reason = f"these settings cannot be used ({type(error).__name__}); check aws and ~/.aws"
    raise Unavailable(reason, "unusable")


def is_under_kms(client, url: SplitResult, key: str) -> bool:
    """Whether the object is encrypted by a key in KMS, and so its ETag no MD5."""
    with suppress(BotoCoreError, ClientError):
        head = client.head_object(Bucket=url.netloc, Key=f"{url.path}/{key}".strip("/"))
        return head.get("ServerSideEncryption", "").startswith("aws:kms")
    return False
