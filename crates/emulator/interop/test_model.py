"""The emulator's tables against the service model that boto3 ships, member by member.

A new model shows here what has changed; what the emulator does otherwise on purpose is listed, with
the reason.
"""

import copy
import unittest

import botocore.session

from servers import Emulator

# Path in the tables: why they differ from the model.
ON_PURPOSE = {
    "CreateGatewayTarget.name: required":
        "the answer requires it, and nothing says where it would come from",
    "UpdateGatewayTarget.name: required":
        "the answer requires it, and nothing says where it would come from",
}

LIMITS = ("min", "max", "pattern", "enum")


def differences(ours, theirs, path):
    """What our description says otherwise than their shape."""
    kind = theirs.type_name
    if ours["type"] == "again":
        return  # compared where it was first met
    if ours["type"] != kind:
        yield f"{path}: type {ours['type']}, model {kind}"
        return
    for limit in LIMITS:
        model = theirs.metadata.get(limit) or None
        if limit == "enum":
            model = list(theirs.enum) or None if kind == "string" else None
        if (ours.get(limit) or None) != model:
            yield f"{path}: {limit} {ours.get(limit)}, model {model}"
    if kind == "structure":
        yield from structure(ours, theirs, path)
    elif kind == "list":
        yield from differences(ours["member"], theirs.member, f"{path}[]")
    elif kind == "map":
        yield from differences(ours["key"], theirs.key, f"{path}.key")
        yield from differences(ours["value"], theirs.value, f"{path}.value")


def structure(ours, theirs, path):
    if ours.get("document") or theirs.is_document_type:
        if not (ours.get("document") and theirs.is_document_type):
            yield f"{path}: document"
        return
    if ours["union"] != bool(theirs.is_tagged_union):
        yield f"{path}: union {ours['union']}"
    in_body = {
        shape.serialization.get("name", name): (name, shape)
        for name, shape in theirs.members.items()
        if "location" not in shape.serialization
    }
    for name in ours["members"].keys() - in_body.keys():
        yield f"{path}.{name}: not in the model"
    for name, (model_name, shape) in in_body.items():
        if name not in ours["members"]:
            yield f"{path}.{name}: not in the tables"
            continue
        required = name in ours["required"]
        if required != (model_name in theirs.required_members):
            yield f"{path}.{name}: required"
        yield from differences(ours["members"][name], shape, f"{path}.{name}")


class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with Emulator() as emulator:
            cls.shapes = emulator.admin("GET", "shapes")
        session = botocore.session.get_session()
        cls.service = session.get_service_model("bedrock-agentcore-control")

    def test_bodies(self):
        found = set()
        for operation, ours in self.shapes["bodies"].items():
            theirs = self.service.operation_model(operation).input_shape
            found.update(differences(ours, theirs, operation))
        self.assertEqual(sorted(found), sorted(ON_PURPOSE))

    def test_parameters(self):
        found = []
        for operation in ("ListGatewayTargets", "ListGateways", "GetGatewayTarget"):
            members = self.service.operation_model(operation).input_shape.members
            for name, shape in members.items():
                ours = self.shapes["parameters"][name]
                found.extend(differences(ours, shape, f"{operation}.{name}"))
        self.assertEqual(found, [])

    def test_statuses(self):
        """A target is in a status of the model, and all of them are known."""
        statuses = self.service.shape_for("TargetStatus").enum
        self.assertEqual(sorted(self.shapes["statuses"]), sorted(statuses))

    def test_a_difference_is_found(self):
        """The comparison itself: a table that is wrong does not pass."""
        ours = copy.deepcopy(self.shapes["bodies"]["SynchronizeGatewayTargets"])
        ours["members"]["targetIdList"]["max"] = 2
        theirs = self.service.operation_model("SynchronizeGatewayTargets").input_shape
        self.assertEqual(
            list(differences(ours, theirs, "")), [".targetIdList: max 2, model 1"]
        )


if __name__ == "__main__":
    unittest.main()
