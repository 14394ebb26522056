"""boto3's own chain of credentials, as it runs on EKS: it finds the stand-ins by the environment,
signs with what they hand out, and renews it."""

import os
import pathlib
import tempfile
import unittest
from unittest import mock

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from servers import ACCOUNT, GATEWAY, REGION, Emulator

ROLE = f"arn:aws:iam::{ACCOUNT}:role/operator"


class Chain(unittest.TestCase):
    def setUp(self):
        self.emulator = self.enterContext(Emulator())
        # So that nothing passes but what the emulator handed out.
        self.emulator.admin("PATCH", "settings", {"signatures": {"knownKeysOnly": True}})
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.token = self.home / "token"
        self.token.write_text("a.projected.token")

    def client(self, **environment):
        """A client that has nothing but the environment to go by."""
        paths = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.emulator.url,
        }
        self.enterContext(mock.patch.dict(os.environ, {**paths, **environment}, clear=True))
        config = Config(retries={"total_max_attempts": 1})
        return boto3.session.Session().client("bedrock-agentcore-control", config=config)

    def irsa(self):
        return self.client(
            AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE=str(self.token),
            AWS_ROLE_SESSION_NAME="pod",
        )

    def pod_identity(self):
        return self.client(
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{self.emulator.url}/v1/credentials",
            AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(self.token),
        )

    def issuing(self, **issuing):
        self.emulator.admin("PATCH", "settings", {"issuing": issuing})

    def issued(self, kind):
        return self.emulator.admin("GET", "calls")["counters"].get(kind, 0)

    def test_irsa(self):
        self.issuing(webIdentityToken="a.projected.token", roleArn=ROLE)
        client = self.irsa()
        client.create_gateway(**GATEWAY)
        client.list_gateways()
        self.assertEqual(self.issued("AssumeRoleWithWebIdentity"), 1)

    def test_irsa_renews_what_is_about_to_expire(self):
        self.issuing(lifetime="1m")
        client = self.irsa()
        client.list_gateways()
        before = self.issued("AssumeRoleWithWebIdentity")
        client.list_gateways()
        self.assertGreater(self.issued("AssumeRoleWithWebIdentity"), before)

    def test_irsa_with_the_wrong_token(self):
        self.issuing(webIdentityToken="another")
        with self.assertRaises(ClientError) as caught:
            self.irsa().list_gateways()
        self.assertEqual(caught.exception.response["Error"]["Code"], "InvalidIdentityToken")

    def test_pod_identity(self):
        self.issuing(containerToken="a.projected.token")
        self.pod_identity().list_gateways()
        self.assertEqual(self.issued("GetContainerCredentials"), 1)

    def test_an_outage_of_pod_identity(self):
        rule = {"kind": "GetContainerCredentials",
                "fault": {"error": {"code": "ServiceUnavailable", "status": 503}}}
        self.emulator.admin("POST", "faults", rule)
        # boto3 sleeps for seconds between its attempts; what it waits for is not under test.
        with mock.patch("time.sleep"), self.assertRaises(BotoCoreError):
            self.pod_identity().list_gateways()


if __name__ == "__main__":
    unittest.main()
