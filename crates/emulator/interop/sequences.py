"""Random sequences of calls, and a reference that foretells what comes of each.

The reference is the smallest description of the documented behaviour: names, statuses and times.
It shares no code with the emulator, and a seed makes every sequence repeatable.
"""

import dataclasses
import random

from botocore.exceptions import ClientError

from servers import mcp_server

TIMES = {"CREATING": 2000, "UPDATING": 1000, "SYNCHRONIZING": 1000, "DELETING": 1500}
NAMES = ["a", "b", "c", "weather-1"]
BAD_NAMES = ["a.b", "a_b", "", "-a", "a--b", "x" * 101]
BAD_ENDPOINTS = ["http://a.example", "a.example", ""]
BAD_DESCRIPTIONS = ["", "x" * 201]
TOKENS = ["0" * 33, "1" * 256, "2-3" * 20]
BAD_TOKENS = ["0" * 32, "0" * 257, "-" * 40]
NOBODY, BAD_TARGET = "0000000000", "short"
BAD_SIZES = [0, -1, 1001]


@dataclasses.dataclass
class Target:
    name: str
    description: str | None
    status: str
    due: int


class Reference:
    """What is on one gateway."""

    def __init__(self):
        self.now = 0
        self.targets = {}
        self.tokens = {}

    def step(self, milliseconds):
        self.now += milliseconds
        for target, state in list(self.targets.items()):
            if state.due <= self.now:
                if state.status == "DELETING":
                    del self.targets[target]
                state.status = "READY"

    def repeated(self, token):
        """The target that a Create with this token made, if it is still there."""
        return self.tokens.get(token) if self.tokens.get(token) in self.targets else None

    def foretell(self, kind, target=None, name=None, endpoint="https://a.example",
                 description=None, token=None, size=None, **_):
        """The code of the error that the call has to raise; None: it has to succeed."""
        if kind in ("create", "update") and (name in BAD_NAMES or endpoint in BAD_ENDPOINTS):
            return "ValidationException"
        if description in BAD_DESCRIPTIONS or token in BAD_TOKENS or size in BAD_SIZES:
            return "ValidationException"
        if target == BAD_TARGET:
            return "ValidationException"
        if self.repeated(token):
            return None
        state = self.targets.get(target)
        if kind not in ("create", "list") and state is None:
            return "ResourceNotFoundException"
        if kind in ("update", "delete", "synchronize") and state.status != "READY":
            return "ValidationException"
        holders = [found for found, other in self.targets.items() if other.name == name]
        if kind in ("create", "update") and holders not in ([], [target]):
            return "ConflictException"
        return None

    def accept(self, kind, target, name=None, description=None, token=None, **_):
        """The call was accepted; what now."""
        if token is not None:
            self.tokens[token] = target
        if kind in ("create", "update"):
            status = "CREATING" if kind == "create" else "UPDATING"
            due = self.now + TIMES[status]
            self.targets[target] = Target(name, description, status, due)
        elif kind in ("delete", "synchronize"):
            state = self.targets[target]
            state.status = "DELETING" if kind == "delete" else "SYNCHRONIZING"
            state.due = self.now + TIMES[state.status]

    def listed(self):
        return [(s.name, s.description, s.status) for s in self.targets.values()]


def sequence(seed, length, good_only=False):
    """Calls as dictionaries; `target` is an index into the targets that were ever made, or an ID
    that none of them has."""
    draw = random.Random(seed)
    made = 0
    for number in range(length):
        kind = draw.choice(["create", "update", "get", "delete", "synchronize", "list", "step"])
        call = {"kind": kind}
        if kind in ("create", "update"):
            call["name"] = f"t{number}" if good_only else draw.choice(NAMES * 4 + BAD_NAMES)
            # Always one where the other side keeps what an update leaves out.
            if good_only or draw.random() < 0.5:
                call["description"] = f"number {number}"
            call["endpoint"] = "https://a.example"
            if not good_only and draw.random() < 0.1:
                call["endpoint"] = draw.choice(BAD_ENDPOINTS)
            if not good_only and draw.random() < 0.05:
                call["description"] = draw.choice(BAD_DESCRIPTIONS)
        if kind == "create":
            made += 1
            if not good_only and draw.random() < 0.4:
                call["token"] = draw.choice(TOKENS * 3 + BAD_TOKENS)
        elif kind not in ("list", "step"):
            call["target"] = draw.randrange(made + 1)
            if not good_only and draw.random() < 0.05:
                call["target"] = BAD_TARGET
        elif kind == "list" and not good_only and draw.random() < 0.5:
            call["size"] = draw.choice([1, 2, 1000] * 2 + BAD_SIZES)
        elif kind == "step":
            call["milliseconds"] = draw.choice([1, 499, 500, 1000, 2000])
        yield call


def named(ids, target):
    """The ID that a call's `target` stands for."""
    if isinstance(target, str):
        return target
    return ids[target] if target is not None and target < len(ids) else NOBODY


def carry_out(client, gateway, ids, kind, target=None, name=None, description=None,
              endpoint=None, token=None, size=None, **_):
    """Does it; returns the error's code, and the ID and the answer of a success."""
    target = named(ids, target)
    arguments = {"gatewayIdentifier": gateway}
    if kind == "synchronize":
        arguments["targetIdList"] = [target]
    elif kind not in ("create", "list"):
        arguments["targetId"] = target
    if kind in ("create", "update"):
        arguments |= {"name": name, "targetConfiguration": mcp_server(endpoint)}
        if description is not None:
            arguments["description"] = description
    if token is not None:
        arguments["clientToken"] = token
    if size is not None:
        arguments["maxResults"] = size
    operation = {"synchronize": "synchronize_gateway_targets", "list": "list_gateway_targets"}
    try:
        answer = getattr(client, operation.get(kind, f"{kind}_gateway_target"))(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], target, None
    return None, answer.get("targetId", target), answer
