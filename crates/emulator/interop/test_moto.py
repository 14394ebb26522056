"""The same calls on the emulator and on moto's server: where the two agree, and where not.

Each row of the table is a small scene that is played on both; `moto.md` is written from what they
did, so it cannot be out of date without a red test.
"""

import logging
import os
import pathlib
import unittest

from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from sequences import carry_out, sequence
from servers import GATEWAY, Emulator, client, mcp_server

TABLE = pathlib.Path(__file__).with_name("moto.md")

SCENES = []


def scene(what, facts):
    """Registers a scene: what it plays, and what is known of AWS."""
    def register(play):
        SCENES.append((what, facts, play))
        return play
    return register


def create(aws, gateway, name="a", **members):
    members.setdefault("targetConfiguration", mcp_server())
    return aws.create_gateway_target(gatewayIdentifier=gateway, name=name, **members)


def get(aws, gateway, target):
    return aws.get_gateway_target(gatewayIdentifier=gateway, targetId=target)


@scene("CreateGatewayTarget answers with the status", "CREATING")
def _(aws, gateway, step):
    return create(aws, gateway)["status"]


@scene("… which becomes, in time", "READY")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    step()
    get(aws, gateway, target)
    return get(aws, gateway, target)["status"]


@scene("Get gives the configuration back", "yes")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    return yes(get(aws, gateway, target)["targetConfiguration"] == mcp_server())


@scene("Get of a target that is not there", "ResourceNotFoundException")
def _(aws, gateway, step):
    return get(aws, gateway, "0000000000")["status"]


@scene("Get of a gateway that is not there", "ResourceNotFoundException")
def _(aws, gateway, step):
    return aws.get_gateway(gatewayIdentifier="nobody-0123456789")["status"]


@scene("Update answers with the status", "UPDATING")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    step()
    return update(aws, gateway, target, "a")["status"]


@scene("Update renames", "yes")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    step()
    update(aws, gateway, target, "b")
    step()
    return yes(get(aws, gateway, target)["name"] == "b")


@scene("Update clears a description that it leaves out", "yes")
def _(aws, gateway, step):
    target = create(aws, gateway, description="words")["targetId"]
    step()
    update(aws, gateway, target, "a")
    return yes("description" not in get(aws, gateway, target))


@scene("Update of a target that is CREATING", "ValidationException")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    return update(aws, gateway, target, "a")["status"]


@scene("Delete answers with the status", "DELETING")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    step()
    return aws.delete_gateway_target(gatewayIdentifier=gateway, targetId=target)["status"]


@scene("Get right after a Delete", "DELETING")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    step()
    aws.delete_gateway_target(gatewayIdentifier=gateway, targetId=target)
    return get(aws, gateway, target)["status"]


@scene("Get some time after a Delete", "ResourceNotFoundException")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    step()
    aws.delete_gateway_target(gatewayIdentifier=gateway, targetId=target)
    step()
    return get(aws, gateway, target)["status"]


@scene("A second target of the same name", "ConflictException")
def _(aws, gateway, step):
    create(aws, gateway)
    return create(aws, gateway)["status"]


@scene("The same client token again gives the same target", "yes")
def _(aws, gateway, step):
    token = "0123456789abcdef0123456789abcdef0"
    first = create(aws, gateway, clientToken=token)["targetId"]
    return yes(create(aws, gateway, clientToken=token)["targetId"] == first)


@scene("A name with a dot", "ValidationException")
def _(aws, gateway, step):
    return create(aws, gateway, name="a.b")["status"]


@scene("An endpoint without TLS", "ValidationException")
def _(aws, gateway, step):
    return create(aws, gateway, targetConfiguration=mcp_server("http://a.example"))["status"]


@scene("SynchronizeGatewayTargets", "SYNCHRONIZING")
def _(aws, gateway, step):
    target = create(aws, gateway)["targetId"]
    step()
    answer = aws.synchronize_gateway_targets(gatewayIdentifier=gateway, targetIdList=[target])
    return answer["targets"][0]["status"]


@scene("List in pages of two, of three targets", "2 + 1")
def _(aws, gateway, step):
    for name in "abc":
        create(aws, gateway, name)
    pages = aws.get_paginator("list_gateway_targets").paginate(
        gatewayIdentifier=gateway, PaginationConfig={"PageSize": 2}
    )
    return " + ".join(str(len(page["items"])) for page in pages)


@scene("List tells the type of a target", "MCP_SERVER")
def _(aws, gateway, step):
    create(aws, gateway)
    items = aws.list_gateway_targets(gatewayIdentifier=gateway)["items"]
    return items[0].get("targetType", "nothing")


@scene("DeleteGateway while there are targets", "an error")
def _(aws, gateway, step):
    create(aws, gateway)
    try:
        return aws.delete_gateway(gatewayIdentifier=gateway)["status"]
    except ClientError:
        return "an error"


@scene("A second gateway of the same name", "ConflictException")
def _(aws, gateway, step):
    name = aws.get_gateway(gatewayIdentifier=gateway)["name"]
    return aws.create_gateway(**{**GATEWAY, "name": name})["status"]


def update(aws, gateway, target, name):
    return aws.update_gateway_target(
        gatewayIdentifier=gateway, targetId=target, name=name, targetConfiguration=mcp_server()
    )


def yes(condition):
    return "yes" if condition else "no"


class Moto(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        # A call that moto does not have is no accident here.
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        cls.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.moto.start()
        cls.addClassCleanup(cls.moto.stop)
        host, port = cls.moto.get_host_and_port()
        cls.theirs = client(f"http://{host}:{port}", validate=False)
        cls.emulator = Emulator()
        cls.addClassCleanup(cls.emulator.__exit__)
        cls.emulator.freeze()
        cls.ours = cls.emulator.client(validate=False)
        cls.count = 0

    def gateway(self, aws):
        type(self).count += 1
        return aws.create_gateway(**{**GATEWAY, "name": f"g{self.count}"})["gatewayId"]

    def play(self, aws, scene, step):
        try:
            return scene(aws, self.gateway(aws), step)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return code if code.endswith("Exception") else f"error {code}"

    def test_the_table(self):
        rows = []
        for what, facts, play in SCENES:
            ours = self.play(self.ours, play, lambda: self.emulator.step("3s"))
            theirs = self.play(self.theirs, play, lambda: None)
            self.assertEqual(ours, facts, what)
            rows.append(f"| {what} | {ours} | {'the same' if ours == theirs else theirs} |")
        table = HEAD + "\n".join(rows) + "\n"
        if os.environ.get("WRITE_TABLE"):
            TABLE.write_text(table)
        self.assertEqual(TABLE.read_text(), table, "run.py --write writes it anew")

    def test_sequences_that_moto_understands(self):
        """Good calls only, each change given the time to end: names and descriptions agree."""
        for seed in range(10):
            with self.subTest(seed=seed):
                results = [
                    list(self.good_calls(self.ours, seed, lambda: self.emulator.step("3s"))),
                    list(self.good_calls(self.theirs, seed, lambda: None)),
                ]
                self.assertEqual(*results)

    def good_calls(self, aws, seed, step):
        gateway, ids = self.gateway(aws), []
        for call in sequence(seed, 40, good_only=True):
            # moto has no SynchronizeGatewayTargets.
            if call["kind"] in ("step", "synchronize"):
                continue
            code, target, answer = carry_out(aws, gateway, ids, **call)
            if call["kind"] == "create":
                ids.append(target)
            step()
            listed = aws.list_gateway_targets(gatewayIdentifier=gateway)["items"]
            found = sorted((item["name"], item.get("description")) for item in listed)
            yield call["kind"], code, found


HEAD = """# The emulator and moto

Both can stand in for AWS. This table is written by `run.py --write` from what the two did with the
same calls (moto in the version of `requirements.txt`); the tests fail when it no longer holds.
Where they differ, the emulator follows the AWS service model, AWS documentation and field reports.

| | the emulator, as the facts have it | moto |
|---|---|---|
"""

if __name__ == "__main__":
    unittest.main()
