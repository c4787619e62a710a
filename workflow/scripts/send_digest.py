"""The queue of a batch -> one message to each address in the environment, once."""

import os
from pathlib import Path

from stowaway.core.files import read_arrays
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import read_sheet
from stowaway.pages.digest import VARIABLE, Sent, addresses, compose
from stowaway.review.pictures import event_pictures


def send_digest(queue: Path, explanations: Path, page: Path, state: str, batch: str) -> None:
    """Send what an address has not heard of the events on the page; note down who has what.

    The first message about a batch is sent even where its page is empty. The state is written after
    each server that accepted: a duplicate is better than a loss. Raises `BadInput` after the last
    address where a server did not accept.
    """
    sheet, arrays = read_sheet(queue), read_arrays(explanations)
    shown = sheet[sheet["sampled"] != ""]
    alarms = set(shown.loc[shown["alarm"] == "yes", "event"])
    pictures = event_pictures(arrays, alarms)
    recipients, sent, failures = addresses(os.environ.get(VARIABLE, "")), Sent(Path(state)), []
    for address in recipients:
        known = sent.to(address, batch)
        new = shown[~shown["event"].isin(known or {})]
        if known is not None and new.empty:
            print(f"{address.name}: has all of it")
            continue
        reason = address.send(compose(batch, sheet, new, page.resolve(), pictures))
        if reason:
            failures.append(f"{address.name}: {reason}")
            continue
        sent.add(address, batch, new["event"].tolist())
        print(f"{address.name}: sent, {len(new)} events")
    if failures:
        raise BadInput(
            f"{VARIABLE}: {'; '.join(failures)}; run again to send what is missing, "
            f"{len(recipients) - len(failures)} of {len(recipients)} have it"
        )


if __name__ == "__main__":
    run_rule(send_digest, snakemake)
