#!/usr/bin/env python3
"""Checks an exported audit trail without this tool: only Python's standard library and `cryptography`.

    lti-badges audit export trail.jsonl          (by the institution)
    python3 verify_audit.py trail.jsonl [--head heads.jsonl] [--key z6Mk…]

`--head`: heads kept from an earlier `lti-badges audit heads`. `--key`: a key to trust, as the issuer's own page lists
it; several may be given. Without `--key` any key is taken at its word, and the ones that signed are listed.
Exit code 0: nothing is wrong. 1: something is. 2: the file cannot be read. How it works: audit.md.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections import defaultdict

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
HASHED = ("action", "actor", "at", "chain", "commitment", "event", "number", "subject")
SIGNED = ("chain", "digest", "number", "signed_at")


def canonical(values):
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def public_key(multibase):
    """The Ed25519 key of a Multikey text: base58btc of the bytes ed 01 and the key."""
    if not multibase.startswith("z"):
        raise ValueError("not base58btc")
    number = 0
    for letter in multibase[1:]:
        number = number * 58 + ALPHABET.index(letter)
    raw = number.to_bytes(34, "big")
    if raw[:2] != b"\xed\x01":
        raise ValueError("not an Ed25519 key")
    return Ed25519PublicKey.from_public_bytes(raw[2:])


def is_signed(head):
    try:
        signature = base64.urlsafe_b64decode(head["signature"] + "=" * (-len(head["signature"]) % 4))
        public_key(head["public_key_multibase"]).verify(signature, canonical({name: head[name] for name in SIGNED}))
    except (InvalidSignature, ValueError, OverflowError):
        return False
    return True


def check_events(events):
    """What is wrong with a chain's events, and the digest that each number stands for."""
    wrong, digests, previous, expected = [], {}, "0" * 64, 1
    for event in sorted(events, key=lambda one: one["number"]):
        if event["number"] != expected:
            wrong.append(f"number {expected} is missing, or comes twice")
            previous = None
        hashed = {name: event[name] for name in HASHED} | {"previous": previous}
        if previous is not None and hashlib.sha256(canonical(hashed)).hexdigest() != event["digest"]:
            wrong.append(f"event {event['event']} at number {event['number']} is not what was sealed there")
        if "payload" in event:
            salted = event["salt"].encode() + b"\n" + canonical(event["payload"])
            if hashlib.sha256(salted).hexdigest() != event["commitment"]:
                wrong.append(f"the details of event {event['event']} are not those that were recorded")
        previous = digests[event["number"]] = event["digest"]
        expected = event["number"] + 1
    return wrong, digests


def check_heads(heads, digests, trusted):
    """What is wrong with the signed heads of a chain, or with the chain when they are right."""
    wrong = []
    for head in heads:
        number = head["number"]
        if trusted and head["public_key_multibase"] not in trusted:
            wrong.append(f"the head at number {number} is signed with another key than the trusted ones")
        elif not is_signed(head):
            wrong.append(f"the signature of the head at number {number} is wrong")
        elif number not in digests:
            wrong.append(f"a head was signed at number {number}, but the chain does not have it")
        elif digests[number] != head["digest"]:
            wrong.append(f"the chain was written anew: number {number} is not what a signed head says")
    if max(digests, default=0) > max((head["number"] for head in heads), default=0):
        wrong.append(f"no signed head covers the end at number {max(digests)}")
    return wrong


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def main():
    parser = argparse.ArgumentParser(description="Check an exported audit trail.")
    parser.add_argument("trail")
    parser.add_argument("--head", action="append", default=[], help="a file with heads kept from earlier")
    parser.add_argument("--key", action="append", default=[], help="a public key to trust (z6Mk…)")
    options = parser.parse_args()
    events, heads = defaultdict(list), defaultdict(list)
    try:
        for line in [*read(options.trail), *(line for path in options.head for line in read(path))]:
            (events if line["type"] == "event" else heads)[line["chain"]].append(line)
        failed = False
        for chain in sorted({*events, *heads}):
            wrong, digests = check_events(events[chain])
            wrong += check_heads(heads[chain], digests, set(options.key))
            failed = failed or bool(wrong)
            print(f"{chain}: {'WRONG' if wrong else 'intact'}, {len(events[chain])} events")
            for one in wrong:
                print(f"  {one}")
            for key in sorted({head["public_key_multibase"] for head in heads[chain]}):
                print(f"  signed with {key}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"The trail cannot be read ({type(error).__name__}).", file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
