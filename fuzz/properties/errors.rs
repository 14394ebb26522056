//! Whatever AWS, or who is in its place, answers: it is taken or classified without a panic, in words that can
//! be shown, and only AWS's own word counts for "there is none".

use std::cell::OnceCell;
use std::sync::{Arc, Mutex, PoisonError};

use agentcore::AgentCore;
use agentcore::aws::Aws;
use api::text::is_unfit;
use api::{Definition, Failure, FailureClass, GatewayId, TargetId};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use tokio::runtime::{Builder, Runtime};

/// What is answered to every request.
#[derive(Clone, Debug, Default)]
struct Answer(Arc<Mutex<Vec<u8>>>);

impl HttpConnector for Answer {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        HttpConnectorFuture::ready(Ok(response(&text)))
    }
}

/// An adapter with a runtime of its own, and what it is answered.
struct Stage {
    runtime: Runtime,
    aws: Aws,
    answer: Answer,
}

thread_local! {
    static STAGE: OnceCell<Stage> = const { OnceCell::new() };
}

/// The input is `OPERATION STATUS`, headers, an empty line, and the body; lines end with a line feed.
pub(crate) fn holds(data: &[u8]) {
    STAGE.with(|stage| {
        let Stage { runtime, aws, answer } = stage.get_or_init(begin);
        *answer.0.lock().unwrap_or_else(PoisonError::into_inner) = data.to_vec();
        let operation = data.split(|byte| *byte == b' ').next().unwrap_or_default();
        let failure = runtime.block_on(ask(aws, operation)).err();
        if let Some(failure) = failure {
            is_told(&failure, data);
        }
    });
}

fn begin() -> Stage {
    let answer = Answer::default();
    let connector = SharedHttpConnector::new(answer.clone());
    let credentials = Credentials::new("key", "secret", Some("token".to_owned()), None, "fuzz");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://127.0.0.1")
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let aws = Aws::from_config(&config).expect("there is a Region");
    Stage { runtime, aws, answer }
}

async fn ask(aws: &Aws, operation: &[u8]) -> Result<(), Failure> {
    let (gateway, target) = (GatewayId::from("gateway"), TargetId::from("0123456789"));
    let definition = Definition::new("weather", "https://weather.example.com");
    match operation {
        b"get" => {
            let target = aws.get_target(&gateway, &target).await?;
            is_identifier(target.summary.id.as_str());
            is_identifier(&target.gateway_arn);
            is_identifier(target.summary.status.as_str());
        }
        b"create" => {
            let accepted = aws.create_target(&gateway, &"t".repeat(33), &definition).await?;
            is_identifier(accepted.target.as_str());
            is_identifier(&accepted.gateway_arn);
        }
        b"update" => {
            let accepted = aws.update_target(&gateway, &target, &definition).await?;
            is_identifier(accepted.target.as_str());
        }
        b"delete" => aws.delete_target(&gateway, &target).await?,
        b"synchronize" => aws.synchronize_target(&gateway, &target).await?,
        b"account" => is_identifier(&aws.account().await?),
        _ => {
            for summary in aws.list_targets(&gateway).await?.iter() {
                is_identifier(summary.id.as_str());
                is_identifier(&summary.name);
                is_identifier(summary.status.as_str());
            }
        }
    }
    Ok(())
}

fn is_identifier(text: &str) {
    assert!(!text.contains(is_unfit) && text.len() <= 2048, "{text:?}");
}

fn is_told(failure: &Failure, answer: &[u8]) {
    let said = &failure.message;
    assert!(!said.is_empty(), "{:?} without a word", failure.class);
    assert!(!said.contains(is_unfit) && said.chars().count() <= 2048, "{said:?}");
    if failure.class == FailureClass::NotFound {
        let answer = String::from_utf8_lossy(answer);
        // JSON can write a letter in another way; then no letter of it may stand for itself.
        assert!(answer.contains("ResourceNotFound") || answer.contains('\\'), "taken for gone");
    }
}

fn response(text: &[u8]) -> HttpResponse {
    let (head, body) = text
        .windows(2)
        .position(|ends| ends == b"\n\n")
        .map_or((text, &[][..]), |end| (&text[..end], &text[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.rsplit(' ').next()?.parse::<u16>().ok());
    let status = status.and_then(|status| StatusCode::try_from(status).ok());
    let bad_request = StatusCode::try_from(400).expect("a status");
    let mut response = HttpResponse::new(status.unwrap_or(bad_request), SdkBody::from(body));
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        // What no header can be never reaches the SDK.
        let name = name.trim().to_ascii_lowercase();
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !name.is_empty()
        {
            let _ = response.headers_mut().try_append(name, value.trim().to_owned());
        }
    }
    response
}
