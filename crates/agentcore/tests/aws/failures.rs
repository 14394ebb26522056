//! How calls fail on the wire: the class, the message, and that nothing is ever asked twice.

use std::time::Duration;

use crate::stage::{Canned, GATEWAY, TOKEN, client, client_with, gateway, keys, plain, start};
use agentcore::AgentCore;
use agentcore::aws::Aws;
use api::{Failure, FailureClass, TargetId};
use aws_credential_types::provider::{self, ProvideCredentials, future};
use emulator::{CallKind, Fault, FaultRule, Outcome};
use tokio::time::Instant;

const KINDS: [CallKind; 6] = [
    CallKind::ListGatewayTargets,
    CallKind::GetGatewayTarget,
    CallKind::CreateGatewayTarget,
    CallKind::UpdateGatewayTarget,
    CallKind::DeleteGatewayTarget,
    CallKind::GetCallerIdentity,
];

/// The call of this kind, which is expected to fail.
async fn fail(aws: &Aws, kind: CallKind) -> Failure {
    let (gateway, id, definition) = (gateway(), TargetId::from("0123456789"), plain("weather"));
    let failed = match kind {
        CallKind::ListGatewayTargets => aws.list_targets(&gateway).await.err(),
        CallKind::GetGatewayTarget => aws.get_target(&gateway, &id).await.err(),
        CallKind::CreateGatewayTarget => {
            aws.create_target(&gateway, TOKEN, &definition).await.err()
        }
        CallKind::UpdateGatewayTarget => aws.update_target(&gateway, &id, &definition).await.err(),
        CallKind::DeleteGatewayTarget => aws.delete_target(&gateway, &id).await.err(),
        CallKind::GetCallerIdentity => aws.account().await.err(),
        other => panic!("the operator makes no {other:?}"),
    };
    failed.expect("the call fails")
}

fn code(code: &str, status: u16) -> Fault {
    Fault::Error {
        code: code.to_owned(),
        message: Some("so it is".to_owned()),
        status: Some(status),
    }
}

#[tokio::test]
async fn every_error_has_its_class_in_every_call_and_is_asked_for_once() {
    let (emulator, aws) = start().await;
    for (name, status, class) in [
        ("ThrottlingException", 429, FailureClass::Throttled),
        ("ServiceQuotaExceededException", 402, FailureClass::Quota),
        ("ConflictException", 409, FailureClass::Conflict),
        ("ResourceNotFoundException", 404, FailureClass::NotFound),
        ("AccessDeniedException", 403, FailureClass::Denied),
        ("ValidationException", 400, FailureClass::Invalid),
        ("InternalServerException", 500, FailureClass::Server),
        ("ExpiredTokenException", 403, FailureClass::Credentials),
        ("UnrecognizedClientException", 403, FailureClass::Credentials),
        ("InvalidSignatureException", 403, FailureClass::Credentials),
        ("ServiceUnavailable", 503, FailureClass::Server),
        ("SomethingNew", 429, FailureClass::Throttled),
        ("SomethingNew", 404, FailureClass::Server),
    ] {
        for kind in KINDS {
            emulator.clear_calls();
            emulator.clear_faults();
            emulator.fault(FaultRule::on(kind, code(name, status)));
            let failure = fail(&aws, kind).await;
            // Exactly this: the answer had a request ID as well.
            let message = format!("{name}: so it is");
            assert_eq!(failure, Failure { class, message }, "{kind:?}");
            assert_eq!(emulator.calls().len(), 1, "{kind:?} {name}");
        }
    }
}

#[tokio::test]
async fn what_the_service_itself_refuses_is_told_apart() {
    let (emulator, aws) = start().await;
    let created = aws.create_target(&gateway(), TOKEN, &plain("weather")).await;
    let created = created.expect("the name is free").target;
    let elsewhere = api::GatewayId::from("nowhere");

    let taken = aws.create_target(&gateway(), &TOKEN.replace('0', "f"), &plain("weather")).await;
    let busy = aws.update_target(&gateway(), &created, &plain("weather")).await;
    let busy_too = aws.delete_target(&gateway(), &created).await;
    let no_gateway = aws.list_targets(&elsewhere).await;
    let no_target = aws.get_target(&gateway(), &TargetId::from("0123456789")).await;
    let bad_name = aws.create_target(&gateway(), TOKEN, &plain("a.b")).await;
    let classes = [
        taken.err(),
        busy.err(),
        busy_too.err(),
        no_gateway.err(),
        no_target.err(),
        bad_name.err(),
    ]
    .map(|failure| failure.map(|failure| failure.class));
    assert_eq!(
        classes.map(Option::unwrap),
        [
            FailureClass::Conflict,
            FailureClass::WrongState,
            FailureClass::WrongState,
            FailureClass::NotFound,
            FailureClass::NotFound,
            FailureClass::Invalid,
        ]
    );
    assert_eq!(emulator.targets(GATEWAY).len(), 1);
}

#[tokio::test]
async fn a_cut_connection_leaves_open_whether_anything_was_done() {
    let (emulator, aws) = start().await;
    for (fault, done) in [(Fault::CutBeforeCommit, 0), (Fault::CutAfterCommit, 1)] {
        // On a connection that has served before, which tempts an HTTP client to try another one.
        aws.list_targets(&gateway()).await.expect("all is well");
        emulator.clear_calls();
        emulator.fault(FaultRule::next(CallKind::CreateGatewayTarget, fault));
        let failure = fail(&aws, CallKind::CreateGatewayTarget).await;
        assert_eq!(failure.class, FailureClass::Unanswered);
        assert_eq!(failure.message, "the connection broke before the answer");
        assert!(!failure.class.is_definite());
        let calls = emulator.calls();
        assert_eq!(calls.len(), 1, "not asked again: {calls:?}");
        assert!(!matches!(calls[0].outcome, Outcome::Answered { .. }));
        assert_eq!(emulator.targets(GATEWAY).len(), done);
    }
}

#[tokio::test]
async fn nobody_there_is_no_answer() {
    let nobody = Canned::answering(None).await.url.replace("127.0.0.1", "127.0.0.254");
    let failure = fail(&client(&nobody).await, CallKind::ListGatewayTargets).await;
    assert_eq!(failure.class, FailureClass::Unanswered);
    assert!(failure.message.contains("refused"), "{}", failure.message);
}

#[tokio::test]
async fn answers_that_are_not_agentcores_decide_nothing() {
    for (answer, class, message) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\n<ok>",
            FailureClass::Server,
            "the answer could not be read",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 400\r\nconnection: close\r\n\r\n{\"items\":",
            FailureClass::Server,
            "the answer could not be read",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 5\r\nconnection: close\r\n\r\n<bad>",
            FailureClass::Server,
            "HTTP status 502",
        ),
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<none>",
            FailureClass::Server,
            "HTTP status 404",
        ),
    ] {
        let server = Canned::answering(Some(answer)).await;
        let failure = fail(&client(&server.url).await, CallKind::ListGatewayTargets).await;
        assert_eq!(failure, Failure { class, message: message.to_owned() }, "{answer}");
        assert_eq!(server.requests(), 1);
    }
}

/// The SDK fills in what is missing: an empty List would say that every target is gone, and a target without
/// an ID would be recorded and lost.
#[tokio::test]
async fn an_answer_without_what_makes_it_one_decides_nothing() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 15\r\nconnection: close\r\n\r\n{\"status\":\"up\"}",
        "HTTP/1.1 200 OK\r\ncontent-length: 14\r\nconnection: close\r\n\r\n{\"items\":[{}]}",
        "HTTP/1.1 200 OK\r\ncontent-length: 25\r\nconnection: close\r\n\r\n\
         {\"targetId\":\"9876543210\"}",
    ] {
        for kind in &KINDS[..4] {
            let server = Canned::answering(Some(answer)).await;
            let failure = fail(&client(&server.url).await, *kind).await;
            let message = "the answer could not be read".to_owned();
            assert_eq!(
                failure,
                Failure { class: FailureClass::Server, message },
                "{kind:?} {answer}"
            );
        }
    }
}

/// What has no code of AWS's is no word of AWS's: a proxy that takes no PUT must not make the operator
/// believe that AWS refuses the change for good.
#[tokio::test]
async fn a_refusal_that_is_not_aws_s_own_is_not_for_good() {
    let answer =
        "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for kind in KINDS {
        let server = Canned::answering(Some(answer)).await;
        let failure = fail(&client(&server.url).await, kind).await;
        let message = "HTTP status 405".to_owned();
        assert_eq!(failure, Failure { class: FailureClass::Server, message }, "{kind:?}");
    }
}

/// A server that gives the same token with every page would be asked without end.
#[tokio::test]
async fn a_list_that_goes_round_in_a_circle_is_given_up_at_once() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 32\r\nconnection: close\r\n\r\n\
                  {\"items\":[],\"nextToken\":\"again\"}";
    let server = Canned::answering(Some(answer)).await;
    let failure = fail(&client(&server.url).await, CallKind::ListGatewayTargets).await;
    assert_eq!(failure.class, FailureClass::Server);
    assert_eq!(server.requests(), 2);
}

// Time. With the clock paused, the limit strikes as soon as nothing else is left to happen.

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_ten_seconds() {
    let server = Canned::answering(None).await;
    let aws = client(&server.url).await;
    tokio::time::pause();
    let began = Instant::now();
    let failure = fail(&aws, CallKind::GetGatewayTarget).await;
    assert_eq!(failure.class, FailureClass::Unanswered);
    assert_eq!(failure.message, "no answer within the time limit");
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
    assert_eq!(server.requests(), 1, "it was asked, once");
}

/// Credentials that take their time.
#[derive(Debug)]
struct Late(Duration);

impl ProvideCredentials for Late {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            tokio::time::sleep(self.0).await;
            keys().provide_credentials().await
        })
    }
}

/// Credentials that there are none of.
#[derive(Debug)]
struct Broken;

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let cause = std::io::Error::other("the vault is sealed");
        let error = provider::error::CredentialsError::provider_error(cause);
        future::ProvideCredentials::ready(Err(error))
    }
}

#[tokio::test]
async fn credentials_that_do_not_come_are_no_lost_answer() {
    let (emulator, _) = start().await;
    let aws = client_with(emulator.url(), Late(Duration::from_hours(1))).await;
    tokio::time::pause();
    let began = Instant::now();
    // Several at once: the later ones wait for what the first one has begun to fetch.
    let failures = tokio::join!(
        fail(&aws, CallKind::CreateGatewayTarget),
        fail(&aws, CallKind::DeleteGatewayTarget),
        fail(&aws, CallKind::GetCallerIdentity),
    );
    for failure in [failures.0, failures.1, failures.2] {
        assert_eq!(failure.class, FailureClass::Credentials, "{failure}");
        assert!(failure.message.contains("timed out"), "{failure}");
    }
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
    assert!(emulator.calls().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn slow_credentials_are_waited_for() {
    let (emulator, _) = start().await;
    let aws = client_with(emulator.url(), Late(Duration::from_secs(8))).await;
    tokio::time::pause();
    aws.list_targets(&gateway()).await.expect("they came in time");
}

#[tokio::test]
async fn broken_credentials_are_told_with_their_cause() {
    let (emulator, _) = start().await;
    let aws = client_with(emulator.url(), Broken).await;
    for kind in KINDS {
        let failure = fail(&aws, kind).await;
        assert_eq!(failure.class, FailureClass::Credentials, "{kind:?}");
        assert_eq!(failure.message, "no AWS credentials: the vault is sealed");
    }
    assert!(emulator.calls().is_empty(), "nothing was sent");
}
