"""boto3 drives every call, good and bad, and both its validators and the model accept the answers."""

import unittest
import urllib.request

from botocore.exceptions import ClientError, HTTPClientError

import conforms
from servers import ACCOUNT, GATEWAY, REGION, Emulator, mcp_server

TOKEN = "0123456789abcdef0123456789abcdef0"


class Calls(unittest.TestCase):
    def setUp(self):
        self.emulator = self.enterContext(Emulator())
        self.emulator.freeze()
        self.client = self.emulator.client()
        self.problems = []
        conforms.watch(self.client, self.problems)
        self.gateway = self.client.create_gateway(**GATEWAY)["gatewayId"]

    def tearDown(self):
        self.assertEqual(self.problems, [])

    def create(self, name="weather", **members):
        members.setdefault("targetConfiguration", mcp_server())
        return self.client.create_gateway_target(
            gatewayIdentifier=self.gateway, name=name, **members
        )

    def ready(self, name="weather", **members):
        target = self.create(name, **members)["targetId"]
        self.emulator.step("2s")
        return target

    def get(self, target):
        return self.client.get_gateway_target(gatewayIdentifier=self.gateway, targetId=target)

    def refused(self, code, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response

    def test_a_target_lives_and_dies(self):
        created = self.create(description="The weather", clientToken=TOKEN)
        self.assertEqual(created["status"], "CREATING")
        target = created["targetId"]
        again = self.create(description="The weather", clientToken=TOKEN)
        self.assertEqual(again["targetId"], target)
        self.emulator.step("2s")
        self.assertEqual(self.get(target)["status"], "READY")

        updated = self.client.update_gateway_target(
            gatewayIdentifier=self.gateway, targetId=target, name="climate",
            targetConfiguration=mcp_server(resourcePriority=5, listingMode="DEFAULT"),
        )
        self.assertEqual(updated["status"], "UPDATING")
        self.assertNotIn("description", updated)
        self.emulator.step("1s")
        synchronized = self.client.synchronize_gateway_targets(
            gatewayIdentifier=self.gateway, targetIdList=[target]
        )
        self.assertEqual(synchronized["targets"][0]["status"], "SYNCHRONIZING")
        self.emulator.step("1s")
        listed = self.client.list_gateway_targets(gatewayIdentifier=self.gateway)["items"]
        self.assertEqual(listed[0]["resourcePriority"], 5)
        self.assertEqual(listed[0]["targetType"], "MCP_SERVER")

        deleted = self.client.delete_gateway_target(
            gatewayIdentifier=self.gateway, targetId=target
        )
        self.assertEqual(deleted["status"], "DELETING")
        busy = self.refused(
            "ValidationException", self.client.delete_gateway_target,
            gatewayIdentifier=self.gateway, targetId=target,
        )
        self.assertIn("when it is in Deleting state", busy["message"])
        self.emulator.step("1500ms")
        self.refused(
            "ResourceNotFoundException", self.client.get_gateway_target,
            gatewayIdentifier=self.gateway, targetId=target,
        )

    def test_every_kind_of_configuration_survives(self):
        arn = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/default/oauth2/p"
        s3 = {"uri": "s3://bucket/key", "bucketOwnerAccountId": ACCOUNT}
        schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        tool = {"name": "t", "description": "d", "inputSchema": schema}
        lattice = {"resourceConfigurationIdentifier": "rcfg-0123456789abcdefg"}
        vpc = {
            "vpcIdentifier": "vpc-01234567", "subnetIds": ["subnet-01234567"],
            "endpointIpAddressType": "IPV4", "securityGroupIds": ["sg-01234567"],
            "tags": {"k": "v"}, "routingDomain": "a.example",
        }
        secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ca"
        cases = {
            "static": {"targetConfiguration": mcp_server(mcpToolSchema={"inlinePayload": "[]"})},
            "bucket": {"targetConfiguration": mcp_server(mcpToolSchema={"s3": s3})},
            "lambda": {"targetConfiguration": {"mcp": {"lambda": {
                "lambdaArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f",
                "toolSchema": {"inlinePayload": [tool]},
            }}}},
            "openapi": {"targetConfiguration": {"mcp": {"openApiSchema": {"s3": s3}}}},
            "oauth": {"credentialProviderConfigurations": [{
                "credentialProviderType": "OAUTH",
                "credentialProvider": {"oauthCredentialProvider": {
                    "providerArn": arn, "scopes": ["a", "b"],
                    "customParameters": {"audience": "x"},
                    "grantType": "CLIENT_CREDENTIALS",
                }},
            }]},
            "iam": {"credentialProviderConfigurations": [{
                "credentialProviderType": "GATEWAY_IAM_ROLE",
                "credentialProvider": {"iamCredentialProvider": {
                    "service": "lambda", "region": REGION,
                }},
            }]},
            "headers": {"metadataConfiguration": {
                "allowedRequestHeaders": ["X-Tenant", "X-Trace"],
                "allowedQueryParameters": ["q"], "allowedResponseHeaders": ["X-Cost"],
            }},
            "lattice": {"privateEndpoint": {"selfManagedLatticeResource": lattice}},
            "vpc": {"privateEndpoint": {"managedVpcResource": vpc}},
            "s3ca": {"certificateConfigurations": [{"s3": s3}]},
            "ca": {"certificateConfigurations": [{"secretsManager": {"secretArn": secret}}]},
        }
        for name, members in cases.items():
            with self.subTest(name):
                got = self.get(self.ready(name, **members))
                self.assertEqual(got["status"], "READY")
                for member, value in members.items():
                    self.assertEqual(unordered(got[member]), unordered(value))

    def test_bad_requests_are_refused_by_member(self):
        """boto3's own validator is off, so that these reach the emulator."""
        client = self.emulator.client(validate=False)
        conforms.watch(client, self.problems)
        good = {"gatewayIdentifier": self.gateway, "name": "a", "targetConfiguration": mcp_server()}
        cases = {
            "name": {"name": "a.b"},
            "description": {"description": "x" * 201},
            "clientToken": {"clientToken": "short"},
            "targetConfiguration": {"targetConfiguration": {}},
            "targetConfiguration.mcp.mcpServer.endpoint": {
                "targetConfiguration": mcp_server("http://a")},
            "targetConfiguration.mcp.mcpServer.resourcePriority": {
                "targetConfiguration": mcp_server(resourcePriority=1001)},
            "targetConfiguration.mcp.mcpServer.listingMode": {
                "targetConfiguration": mcp_server(listingMode="LAZY")},
            "credentialProviderConfigurations": {"credentialProviderConfigurations": []},
            "metadataConfiguration.allowedRequestHeaders[0]": {
                "metadataConfiguration": {"allowedRequestHeaders": ["Authorization"]}},
        }
        for field, change in cases.items():
            with self.subTest(field):
                error = self.refused(
                    "ValidationException", client.create_gateway_target, **{**good, **change}
                )
                self.assertEqual(error["reason"], "FieldValidationFailed")
                self.assertIn(field, [entry["name"] for entry in error["fieldList"]])

    def test_conflicts_and_strangers(self):
        self.create()
        self.refused(
            "ConflictException", self.client.create_gateway_target,
            gatewayIdentifier=self.gateway, name="weather", targetConfiguration=mcp_server(),
        )
        self.refused(
            "ConflictException", self.client.delete_gateway, gatewayIdentifier=self.gateway
        )
        self.refused(
            "ResourceNotFoundException", self.client.get_gateway,
            gatewayIdentifier="nobody-0123456789",
        )
        self.refused(
            "AccessDeniedException", self.client.get_gateway,
            gatewayIdentifier=f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/x",
        )
        elsewhere = self.emulator.client(region="us-west-2")
        self.refused(
            "ResourceNotFoundException", elsewhere.get_gateway, gatewayIdentifier=self.gateway
        )

    def test_gateways(self):
        got = self.client.get_gateway(gatewayIdentifier=self.gateway)
        self.assertEqual((got["status"], got["name"]), ("READY", "made"))
        self.assertEqual(len(self.client.list_gateways()["items"]), 1)
        self.client.delete_gateway(gatewayIdentifier=self.gateway)
        self.assertEqual(self.client.list_gateways()["items"], [])

    def test_pages(self):
        for number in range(5):
            self.create(f"t{number}")
        pages = self.client.get_paginator("list_gateway_targets").paginate(
            gatewayIdentifier=self.gateway, PaginationConfig={"PageSize": 2}
        )
        names = [[item["name"] for item in page["items"]] for page in pages]
        self.assertEqual(names, [["t0", "t1"], ["t2", "t3"], ["t4"]])

    def test_faults_look_like_a_network(self):
        def strike(fault):
            rule = {"kind": "GetGateway", "times": 1, "fault": fault}
            self.emulator.admin("POST", "faults", rule)

        for fault in ("cutBeforeCommit", "cutAfterCommit"):
            strike(fault)
            with self.assertRaises(HTTPClientError, msg=fault):
                self.client.get_gateway(gatewayIdentifier=self.gateway)
        # boto3 does not notice that half of the answer is missing: it finds no JSON in the rest,
        # and hands out a success without members.
        strike("halfAnswer")
        half = self.emulator.client().get_gateway(gatewayIdentifier=self.gateway)
        self.assertNotIn("gatewayArn", half)

    def test_consent(self):
        gateway = self.emulator.admin("POST", "gateways", {"id": "people-0123456789"})
        self.assertEqual(gateway, {})
        self.gateway = "people-0123456789"
        target = self.ready(credentialProviderConfigurations=[{
            "credentialProviderType": "OAUTH",
            "credentialProvider": {"oauthCredentialProvider": {
                "providerArn": f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:token-vault/x",
                "scopes": ["a"], "grantType": "AUTHORIZATION_CODE",
                "defaultReturnUrl": "https://a.example",
            }},
        }])
        pending = self.get(target)
        self.assertEqual(pending["status"], "CREATE_PENDING_AUTH")
        with urllib.request.urlopen(pending["authorizationData"]["oauth2"]["authorizationUrl"]) as page:
            self.assertEqual(page.status, 200)
        self.assertEqual(self.get(target)["status"], "READY")

    def test_credentials(self):
        sts = self.emulator.client(service="sts")
        self.assertEqual(sts.get_caller_identity()["Account"], ACCOUNT)
        issued = sts.assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/operator", RoleSessionName="pod",
            WebIdentityToken="a.projected.token",
        )["Credentials"]
        client = self.emulator.client(
            key=issued["AccessKeyId"], secret=issued["SecretAccessKey"],
            token=issued["SessionToken"],
        )
        client.get_gateway(gatewayIdentifier=self.gateway)
        self.emulator.step("1h")
        self.refused("ExpiredTokenException", client.get_gateway, gatewayIdentifier=self.gateway)


class Signatures(unittest.TestCase):
    def test_boto3_signs_as_the_emulator_verifies(self):
        with Emulator() as emulator:
            key = {"id": "AKIDKNOWN", "secret": "right"}
            account = {"id": ACCOUNT, "accessKeys": [key]}
            emulator.admin("PATCH", "settings", {"accounts": [account]})
            right = emulator.client(key="AKIDKNOWN", secret="right")
            right.create_gateway(**GATEWAY, description="ü, and a / or two")
            right.list_gateways(maxResults=7)
            wrong = emulator.client(key="AKIDKNOWN", secret="wrong")
            with self.assertRaises(ClientError) as caught:
                wrong.list_gateways()
            code = caught.exception.response["Error"]["Code"]
            self.assertEqual(code, "InvalidSignatureException")


def unordered(value):
    """The same value without an order of its lists: AWS keeps none."""
    if isinstance(value, dict):
        return {name: unordered(member) for name, member in value.items()}
    if isinstance(value, list):
        return sorted((unordered(item) for item in value), key=repr)
    return value


if __name__ == "__main__":
    unittest.main()
