"""What the download scripts take of a site's config, for tests: small limits, short patience."""


def config_of(source: str | list[str], aws: dict, max_failed: float = 1.0) -> dict:
    """The config of photos in `source`, reached by `aws`."""
    return {
        "images": {"source": source, "timeout": 1},
        "aws": aws,
        "limits": {"image_bytes": 10**6, "json_bytes": 10**6, "zip_ratio": 200},
        "max_failed": max_failed,
    }
