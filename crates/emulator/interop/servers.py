"""The servers under test, and clients for them."""

import json
import os
import subprocess
import urllib.request

import boto3
from botocore.config import Config

ACCOUNT = "123456789012"
REGION = "eu-central-1"


def client(url, service="bedrock-agentcore-control", key="AKIDTEST", secret="secret", token=None,
           region=REGION, validate=True):
    """A boto3 client as a user would make one, but without retries and with its own credentials."""
    session = boto3.session.Session(
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
        region_name=region,
    )
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=validate)
    return session.client(service, endpoint_url=url, config=config)


class Emulator:
    """A process of the emulator; a context manager."""

    def __init__(self, *flags):
        # Whatever the machine's own settings are, they are not the test's.
        self.process = subprocess.Popen(
            [os.environ["EMULATOR"], *flags], stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline().strip()
        if not line.startswith("listening on "):
            raise RuntimeError(f"the emulator did not start: {line!r}")
        self.url = line.removeprefix("listening on ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def client(self, **options):
        return client(self.url, **options)

    def admin(self, method, path, body=None):
        """A request to the admin API; the JSON of its answer."""
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def freeze(self):
        self.admin("POST", "clock", {"freeze": {}})

    def step(self, time):
        self.admin("POST", "clock", {"step": time})


def mcp_server(endpoint="https://tools.example/mcp", **members):
    """The configuration of an MCP server target."""
    return {"mcp": {"mcpServer": {"endpoint": endpoint, **members}}}


GATEWAY = {
    "name": "made",
    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/gateway",
    "authorizerType": "NONE",
    "protocolType": "MCP",
}
