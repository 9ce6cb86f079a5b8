"""Signing and verifying Open Badges 3.0 (``eddsa-rdfc-2022``) against ``@digitalbazaar/vc`` in Node.

Both sign the same credentials with the same key, and both verify the same credentials, which the peer signed.
"""

import itertools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import base58
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.frame import ROOT, BenchError, Contestant, Options, Report, at_least, measure, python
from bench.worker import Batch, Stopwatch
from lti_tool.openbadges import v3
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.proof import Signer, encode_multikey, verify_proof

SECONDS = 1.0
SIGN_BAR = 50
VERIFY_BAR = 15
CREDENTIALS = 64
BATCH = 4
ED25519_SECRET = b"\x80\x26"
"""How a Multikey begins that holds a secret key (Controlled Identifiers 1.0, section 2.2.2)."""
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CONTROLLER = f"did:key:{encode_multikey(KEY.public_key())}"
TOOL = "https://badges.example.org"
RESULT_ID = "urn:uuid:5a0e2c0e-6b5e-4f8a-9a36-1f6f0d2b7c11"
PEER = Path(__file__).with_name("sign_peer.mjs")
PACKAGES = ROOT / "tests" / "witnesses" / "node_modules"


def compose(number: int) -> JsonObject:
    """One learner's credential, of the size and with the parts that real ones have."""
    awarded_at = NOW - timedelta(minutes=number)
    return v3.compose_credential(
        credential_id=f"{TOOL}/credentials/{number:032x}",
        issuer=v3.Issuer(
            id=CONTROLLER,
            name="Lakeside College",
            url="https://lakeside.example.org",
            email="badges@lakeside.example.org",
            description="A college of further education by the lake.",
            image_url="https://lakeside.example.org/logo.png",
        ),
        achievement=ACHIEVEMENT,
        subject=v3.Subject(email=v3.HashedEmail(email=f"learner{number}@lakeside.example.org", salt=f"{number:016x}")),
        valid_from=awarded_at,
        awarded_at=awarded_at,
        valid_until=awarded_at + timedelta(days=3 * 365),
        status=v3.StatusEntry(list_url=f"{TOOL}/status/3", index=94567 + number),
        results=(v3.Result(result_description_id=RESULT_ID, value=str(70 + number % 31)),),
        evidence=(
            v3.Evidence(
                id=f"{TOOL}/evidence/{number:032x}",
                name="Water log of the spring term",
                narrative="Twelve weekly tests of pH, ammonia and nitrate, with what was done about each.",
                genre="Project",
            ),
        ),
    )


ACHIEVEMENT = v3.AchievementCard(
    id=f"{TOOL}/achievements/water-chemistry",
    name="Water chemistry",
    description="Keeps the water of a small aquaponics system healthy for fish and plants, by measuring and acting.",
    criteria_narrative="Score **70 %** or more in the water log,\n\nand in the essay on the nitrogen cycle.",
    criteria_url=f"{TOOL}/achievements/water-chemistry#criteria",
    achievement_type="MicroCredential",
    image_url=f"{TOOL}/achievements/water-chemistry.png",
    image_caption="A blue hexagon with a drop of water",
    language="en-GB",
    alignments=tuple(
        v3.Alignment(
            target_name=name,
            target_url=f"https://frameworks.example.org/ims/case/v1p0/CFItems/{code}",
            target_code=code,
            target_description=f"{name} in a small recirculating system.",
            target_framework="Aquaponics technician",
            target_type="CFItem",
        )
        for name, code in (("Tests water", "WC-1"), ("Corrects the nitrogen cycle", "WC-2"))
    ),
    result_descriptions=(
        v3.ResultDescription(
            id=RESULT_ID,
            name="Score in the water log",
            result_type="Percent",
            value_min="0",
            value_max="100",
            required_value="70",
        ),
    ),
    tags=("aquaponics", "water"),
    version="2",
)


# -- contestants ------------------------------------------------------------------------------------------------------


def signing(folder: str) -> Batch:
    """This tool's ``Signer.sign``."""
    signer = Signer(KEY, CONTROLLER)
    return _in_turn(_read(folder, "unsigned.json"), lambda credential: signer.sign(credential, NOW))


def verifying(folder: str) -> Batch:
    """This tool's ``verify_proof``."""
    public_key = KEY.public_key()
    return _in_turn(_read(folder, "signed.json"), lambda credential: verify_proof(credential, public_key))


def _in_turn(credentials: list[JsonObject], operate: Callable[[JsonObject], object]) -> Batch:
    endless = itertools.cycle(credentials)

    def batch(watch: Stopwatch) -> int:
        chosen = list(itertools.islice(endless, BATCH))
        with watch:
            for credential in chosen:
                operate(credential)
        return BATCH

    return batch


def _read(folder: str, name: str) -> list[JsonObject]:
    return json.loads(Path(folder, name).read_text(encoding="utf-8"))


def _peer(node: str, action: str, folder: str) -> tuple[str, ...]:
    return (node, "--expose-gc", str(PEER), action, folder)


def _prepare(node: str, folder: str) -> int:
    """Write key and credentials for both, let the peer sign; returns the mean size of a credential in bytes."""
    texts = [json.dumps(compose(number), ensure_ascii=False) for number in range(CREDENTIALS)]
    Path(folder, "unsigned.json").write_text(f"[{','.join(texts)}]", encoding="utf-8")
    multikey = encode_multikey(KEY.public_key())
    secret = "z" + base58.b58encode(ED25519_SECRET + KEY.private_bytes_raw()).decode("ascii")
    document = {
        "id": f"{CONTROLLER}#{multikey}",
        "type": "Multikey",
        "controller": CONTROLLER,
        "publicKeyMultibase": multikey,
        "secretKeyMultibase": secret,
    }
    Path(folder, "key.json").write_text(json.dumps(document), encoding="utf-8")
    done = subprocess.run(_peer(node, "prepare", folder), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"the peer could not sign:\n{done.stderr[-2000:]}")
    return sum(len(text.encode()) for text in texts) // len(texts)


def run(options: Options) -> Report:
    """Measure signing and verifying, each beside the peer."""
    node = shutil.which("node")
    if node is None or not PACKAGES.is_dir():
        raise BenchError("its peer needs Node.js 20 or newer and the packages of tests/witnesses; run: make witnesses")
    with tempfile.TemporaryDirectory(prefix="bench-sign-") as folder:
        print("Preparing credentials …", flush=True)
        size = _prepare(node, folder)
        contestants = (
            Contestant("sign: this tool", python("bench.sign", "signing", folder)),
            Contestant("sign: @digitalbazaar/vc", _peer(node, "sign", folder)),
            Contestant("verify: this tool", python("bench.sign", "verifying", folder)),
            Contestant("verify: @digitalbazaar/vc", _peer(node, "verify", folder)),
        )
        measured = measure(contestants, options)
    bars = (
        at_least("sign per CPU-second, times @digitalbazaar/vc", SIGN_BAR, measured[0].times(measured[1])),
        at_least("verify per CPU-second, times @digitalbazaar/vc", VERIFY_BAR, measured[2].times(measured[3])),
    )
    more = {"credential_bytes": size, "versions": _versions(node)}
    return Report("sign", "one credential, eddsa-rdfc-2022", measured, bars, more)


def _versions(node: str) -> dict[str, str]:
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    package = json.loads((PACKAGES / "@digitalbazaar" / "vc" / "package.json").read_text(encoding="utf-8"))
    return {"node": asked.stdout.strip(), "@digitalbazaar/vc": package["version"]}
