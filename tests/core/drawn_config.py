"""Configs drawn at random from the schema, to be refused in clear lines or to run."""

import math
import random

# What a text may be under a key, next to any text.
GOOD = {
    "name": ["site", "Site-2", "7_a"],
    "coco": ["data/coco.json", "~/coco.zip", "file:///data/a%20b.json", "s3://bucket/a/coco.json"],
    "detections": ["data/md.json", "s3://bucket/md.json.zip"],
    "confidence": ["animal", "person", "dog"],
    "unnamed": ["animal", "unknown"],
    "source": ["photos", "~/photos", "file:///photos", "https://u:s3cret@host/photos?sig=s3cret"],
    "native": ["Fox", "scrub jay", "ñeque", "灰狐", "l'oiseau", "kit fox?", "a: b", "no", "NA"],
    "invasive": ["rat", "Cat (feral)", "dog/dingo", "100%", "# pig", "null"],
    "rename": ["rodnet", "rodent", "{typo}", "liz", "x\u0301"],
    "location": ["([^/]+)/", "^.{3}/(cam-[0-9]{2})"],
    "watch": ["rat", "Ship rat", "stoat"],
    "labels": ["rodent", "Rats"],
    "crops": ["cam7/1.jpg", "week/cam7/1.box2.jpg"],
    "photos": ["rats", "~/rats"],
    "drop": ["empty", "person", "vehicle"],
    "too_general": ["bird", "small mammal"],
    "high_level": ["hawk", "raptor", "{group}"],
    "datetime_format": ["day_first", "month_first", "%d.%m.%Y %H:%M"],
    "detectors": ["mine", "knn", "cae", "basic", "x_1"],
    "networks": ["basic_original", "cae", "basic"],
    "detector": ["fusion", "knn", "mahalanobis", "cae"],
    "map": ["site", "other"],
    "other_site": ["other"],
    "weights": ["data/weights.pt"],
    "endpoint_url": ["http://localhost:9000", "https://minio.example.org"],
    "profile": ["default"],
    "region": ["eu-west-1"],
}
HOSTILE = [
    "",
    " ",
    "a\nb",
    "site\n",
    "\x1b[31mred",
    "\u202eevil",
    "{fold}",
    "</script><img src=x onerror=alert(1)>",
    "x" * 500,
    "con",
    "https:/user:s3cret@host",
    "user:s3cret@host/x",
    "https://user:s3cret@[::1",
    "https://host/x?sig=s3cret",
    "s3://KEY:s3cret@bucket/x",
    "/tmp",
    "../../etc/passwd",
    "%",
    "%d %d",
]


class Draw:
    """Draws values of the schema's rules; a share `wild` of them is one that few rules foresee."""

    def __init__(self, seed: int, wild: float) -> None:
        self.random, self.wild = random.Random(seed), wild

    def value(self, rule: dict, key: str = ""):
        """A value that the rule accepts, or seldom another."""
        if self.random.random() < self.wild:
            odd = [True, None, 1.5, math.nan, math.inf, -1, 2**70, {}, [], [[]], {1: 2}, *HOSTILE]
            return self.random.choice(odd)
        if "allOf" in rule:  # a detector: of one of its kinds
            case = self.random.choice(rule["allOf"])
            kind = case["if"]["properties"]["kind"]["const"]
            return self.of_object(case["then"], key) | {"kind": kind}
        if "enum" in rule or "const" in rule:
            return self.random.choice(rule.get("enum") or [rule["const"]])
        types = rule["type"] if isinstance(rule.get("type"), list) else [rule.get("type", "null")]
        kind = self.random.choice(types)
        return getattr(self, f"of_{kind}")(rule, key)

    def of_object(self, rule: dict, key: str) -> dict:
        entry = rule.get("additionalProperties")
        if isinstance(entry, dict):
            size = self.random.randint(0, 3)
            return {self.of_string(rule, key): self.value(entry, key) for _ in range(size)}
        wanted = [*rule.get("required", ()), "photos"]  # which the other files of a species need
        return {
            name: self.value(below, name)
            for name, below in rule["properties"].items()
            if name in (*wanted, "images") or self.random.random() < 0.3 and name != "fractions"
        }

    def of_array(self, rule: dict, key: str) -> list:
        least = rule.get("minItems", 0)
        size = self.random.randint(least, least + 2)
        drawn = [self.value(rule["items"], key) for _ in range(size)]
        return [one for n, one in enumerate(drawn) if one not in drawn[:n]] if least < 2 else drawn

    def of_integer(self, rule: dict, key: str) -> int | float:
        low = rule.get("minimum", 0)
        high = rule.get("maximum", 2**40)
        near = self.random.randint(low, min(high, low + 100))
        number = self.random.choice([low, high, near, near, 8 * (near // 8) or low])
        return float(number) if self.random.random() < 0.2 else max(number, low)

    def of_number(self, rule: dict, key: str) -> float:
        low = rule.get("minimum", rule.get("exclusiveMinimum", 0))
        high = rule.get("maximum", rule.get("exclusiveMaximum", 1e6))
        return self.random.choice([low + (high - low) / 2, low + (high - low) / 1e6, min(1, high)])

    def of_string(self, rule: dict, key: str) -> str:
        return self.random.choice(GOOD.get(key, ["a"]))

    def of_boolean(self, rule: dict, key: str) -> bool:
        return self.random.random() < 0.5

    def of_null(self, rule: dict, key: str) -> None:
        return None
