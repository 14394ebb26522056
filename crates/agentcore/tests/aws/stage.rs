//! What the tests share: the adapter against an emulator, and against servers that
//! are no AgentCore at all.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use agentcore::aws::Aws;
use api::{
    AddressType, Certificate, Credentials, Definition, GatewayId, Grant, ListingMode, Metadata,
    PrivateEndpoint, S3Object, ToolSchema,
};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use emulator::{Emulator, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// As long as AWS wants them.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

pub(crate) const GATEWAY: &str = "gw";

pub(crate) fn gateway() -> GatewayId {
    GatewayId::from(GATEWAY)
}

/// One gateway, `gw`, and a clock that only the test moves.
pub(crate) async fn start() -> (Emulator, Aws) {
    let emulator = Emulator::start(Settings::with_gateways([GATEWAY])).await.unwrap();
    emulator.freeze();
    let aws = client(emulator.url()).await;
    (emulator, aws)
}

pub(crate) async fn client(url: &str) -> Aws {
    client_with(url, keys()).await
}

pub(crate) async fn client_with(url: &str, credentials: impl ProvideCredentials + 'static) -> Aws {
    Aws::from_config(&config(url, credentials).await).unwrap()
}

pub(crate) fn keys() -> impl ProvideCredentials + 'static {
    aws_credential_types::Credentials::new("key", "secret", None, None, "test")
}

/// It asks for retries, which must not be granted.
async fn config(url: &str, credentials: impl ProvideCredentials + 'static) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .load()
        .await
}

/// The least that makes a target.
pub(crate) fn plain(name: &str) -> Definition {
    Definition::new(name, "https://tools.example/mcp")
}

/// Everything that an `MCPServer` can say, with OAuth2.
pub(crate) fn full(name: &str) -> Definition {
    let list = |entries: [&str; 2]| entries.map(str::to_owned).to_vec();
    Definition {
        description: Some("The weather of tomorrow".to_owned()),
        credentials: Some(Credentials::OAuth {
            provider_arn: "arn:aws:bedrock-agentcore:eu-central-1:123456789012:token-vault/\
                           default/oauth2credentialprovider/weather"
                .to_owned(),
            scopes: list(["read", "write"]),
            grant: Grant::TokenExchange,
            custom_parameters: map([("audience", "weather"), ("prompt", "none")]),
            return_url: Some("https://app.example/done".to_owned()),
        }),
        metadata: Metadata {
            request_headers: list(["x-tenant", "x-trace"]),
            query_parameters: list(["city", "day"]),
            response_headers: list(["x-cost", "x-age"]),
        },
        listing: ListingMode::Dynamic,
        tools: Some(ToolSchema::Inline(r#"{"tools":[]}"#.to_owned())),
        priority: 7,
        private_endpoint: Some(PrivateEndpoint::ManagedVpc {
            vpc: "vpc-0a1b2c3d".to_owned(),
            subnets: list(["subnet-0a1b2c3d", "subnet-0a1b2c3e"]),
            security_groups: list(["sg-0a1b2c3d", "sg-0a1b2c3e"]),
            addresses: AddressType::Ipv6,
            tags: map([("team", "weather"), ("stage", "test")]),
            routing_domain: Some("lb.example".to_owned()),
        }),
        certificate: Some(Certificate::S3(S3Object {
            uri: "s3://bucket/ca.pem".to_owned(),
            owner: Some("123456789012".to_owned()),
        })),
        ..plain(name)
    }
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A server that gives this answer to every request, or none at all and keeps the connection.
pub(crate) struct Canned {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
}

impl Canned {
    pub(crate) async fn answering(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                read_request(&mut stream).await;
                counted.fetch_add(1, Ordering::SeqCst);
                match answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
                    None => kept.push(stream),
                }
            }
        });
        Self { url, requests }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// The whole request, because a connection that is closed before that takes its answer along.
async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse().expect("a number"));
            if body.len() >= length {
                return;
            }
        }
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
}
