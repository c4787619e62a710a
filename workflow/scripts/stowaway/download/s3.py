"""S3: boto3 knows profiles, regions, roles and endpoints; libcurl signs and fetches."""

import logging
from collections.abc import Callable
from urllib.parse import quote

import boto3
import pycurl
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from stowaway.download.answers import Unavailable

logging.getLogger("botocore").setLevel(logging.CRITICAL)  # it logs what a profile holds


def locate_s3(bucket: str, prefix: str, aws: dict) -> Callable[[str], tuple[str, dict]]:
    """A function that turns a key into the object's URL and the libcurl options that sign for it.

    `aws` has profile, region, anonymous and endpoint_url. Always path-style, since the certificate
    of bucket.s3.amazonaws.com does not cover a bucket with a dot in its name. Raises `Unavailable`.
    """
    try:
        session = boto3.Session(profile_name=aws["profile"], region_name=aws["region"])
        client = session.client("s3", endpoint_url=aws["endpoint_url"])
        credentials = None if aws["anonymous"] else session.get_credentials()
    except ProfileNotFound as error:
        profile = error.kwargs["profile"]
        raise Unavailable(
            f"aws.profile: '{profile}' is not in ~/.aws; run: aws configure --profile {profile}",
            "unusable",
        ) from None
    except (BotoCoreError, ClientError, ValueError) as error:  # it may show what a profile holds
        raise Unavailable(
            f"the AWS settings cannot be used ({type(error).__name__}); check aws and ~/.aws",
            "unusable",
        ) from None
    if credentials is None and not aws["anonymous"]:
        raise Unavailable(
            "no AWS credentials were found; set aws.profile, or aws.anonymous: true if the bucket "
            "is public",
            "unusable",
        )
    region = client.meta.region_name
    region = "us-east-1" if region in (None, "aws-global") else region
    base = f"{client.meta.endpoint_url.rstrip('/')}/{bucket}" + f"/{quote(prefix)}" * bool(prefix)

    def locate(key: str) -> tuple[str, dict]:
        if credentials is None:
            return f"{base}/{quote(key)}", {}
        try:
            frozen = credentials.get_frozen_credentials()  # renews those of a role in time
        except (BotoCoreError, ClientError) as error:  # the message names account and role
            raise Unavailable(
                f"the AWS credentials cannot be renewed ({type(error).__name__}); log in again",
                "unusable",
            ) from None
        options = {
            pycurl.AWS_SIGV4: f"aws:amz:{region}:s3",
            pycurl.USERNAME: frozen.access_key,
            pycurl.PASSWORD: frozen.secret_key,
        }
        if frozen.token:
            options[pycurl.HTTPHEADER] = [f"x-amz-security-token: {frozen.token}"]
        return f"{base}/{quote(key)}", options

    return locate
