"""Holds an answer against the service model: what boto3's parsers let pass silently.

A parser drops members that it does not know and does not miss those that are required, so a client
that is happy proves little. Here every member has to be one of the model's, of its type, and within
its limits, and every required one has to be there.
"""

import datetime
import re

# Where field reports contradict the model, the emulator follows the reports: see Echo in its
# README.
MAY_BE_ABSENT = {"credentialProviderConfigurations"}


def problems(value, shape, path=""):
    """Everything about the value that the model does not allow."""
    kind = shape.type_name
    expected = {
        "structure": dict, "map": dict, "list": list, "string": str, "integer": int, "long": int,
        "boolean": bool, "timestamp": datetime.datetime,
    }[kind]
    if not isinstance(value, expected):
        yield f"{path}: {value!r} is no {kind}"
        return
    if kind == "structure":
        for name in shape.required_members:
            if name not in value and name not in MAY_BE_ABSENT:
                yield f"{path}.{name}: is required"
        for name, member in value.items():
            if name == "ResponseMetadata":
                continue
            if name not in shape.members:
                yield f"{path}.{name}: is not in the model"
            else:
                yield from problems(member, shape.members[name], f"{path}.{name}")
    elif kind == "list":
        yield from size(len(value), shape, path)
        for index, item in enumerate(value):
            yield from problems(item, shape.member, f"{path}[{index}]")
    elif kind == "map":
        yield from size(len(value), shape, path)
        for name, item in value.items():
            yield from problems(item, shape.value, f"{path}.{name}")
    elif kind == "string":
        yield from size(len(value), shape, path)
        if shape.enum and value not in shape.enum:
            yield f"{path}: {value!r} is not one of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            yield f"{path}: {value!r} does not match {pattern}"


def size(number, shape, path):
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", float("inf"))
    if not low <= number <= high:
        yield f"{path}: {number} is not from {low} to {high}"


def watch(client, failures):
    """Has every answer that the client parses held against the model from now on."""
    def look(parsed, model, **_):
        if "Error" in parsed:
            failures.extend(error_problems(parsed, client.meta.service_model))
        else:
            found = problems(parsed, model.output_shape)
            failures.extend(f"{model.name}{problem}" for problem in found)
    client.meta.events.register("after-call.*", look)


def error_problems(parsed, service):
    """The same for an error: it has to be one that the model declares, with its members."""
    code = parsed["Error"]["Code"]
    shapes = {shape.name: shape for shape in service.error_shapes}
    if code not in shapes:
        yield f"{code}: is no error of the model"
        return
    members = {name: value for name, value in parsed.items() if name not in ("Error", "ResponseMetadata")}
    members.setdefault("message", parsed["Error"]["Message"])
    yield from (f"{code}{problem}" for problem in problems(members, shapes[code]))
    status = parsed["ResponseMetadata"]["HTTPStatusCode"]
    if status != shapes[code].metadata["error"]["httpStatusCode"]:
        yield f"{code}: came with the status {status}"
