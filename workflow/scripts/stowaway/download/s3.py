"""S3: boto3 knows profiles, regions, roles and endpoints; obstore signs and fetches."""

import logging
from contextlib import suppress
from datetime import timedelta
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from obstore.store import S3Store

from stowaway.download.errors import Unavailable

RENEWED = timedelta(minutes=9)  # boto3 renews a role's credentials 10 minutes before they expire


def open_s3(bucket: str, prefix: str, aws: dict, options: dict) -> tuple:
    """The store of `bucket`, and a function that tells whether a key's object is under KMS.

    `aws` has profile, region, anonymous and endpoint_url; `options` are obstore's. Always
    path-style, since the certificate of bucket.s3.amazonaws.com does not cover a bucket with a dot
    in its name. Raises `Unavailable`.
    """
    region, endpoint, anonymous = aws["region"], aws["endpoint_url"], aws["anonymous"]
    access, under_kms = {"skip_signature": True}, lambda key: False  # since KMS wants a signature
    if not (anonymous and region and endpoint):
        session, client = _ask_boto3(aws)
        region, endpoint = client.meta.region_name, client.meta.endpoint_url
        region = "us-east-1" if region in (None, "aws-global") else region
    if not anonymous:
        from obstore.auth.boto3 import Boto3CredentialProvider  # loads boto3

        access = {"credential_provider": Boto3CredentialProvider(session, ttl=RENEWED)}
        under_kms = partial(_under_kms, client, bucket, prefix)
    place = {"prefix": prefix, "region": region, "aws_endpoint_url_s3": endpoint}
    store = S3Store(bucket, virtual_hosted_style_request=False, **place, **access, **options)
    return store, under_kms


def _ask_boto3(aws: dict) -> tuple:
    """A session, with credentials if they are needed, and its S3 client."""
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
        name = type(error).__name__
        reason = f"the AWS settings cannot be used ({name}); check aws and ~/.aws"
    raise Unavailable(reason, "unusable")


def _under_kms(client, bucket: str, prefix: str, key: str) -> bool:
    with suppress(BotoCoreError, ClientError):
        head = client.head_object(Bucket=bucket, Key=f"{prefix}/{key}".lstrip("/"))
        return head.get("ServerSideEncryption", "").startswith("aws:kms")
    return False
