//! From the SDK's errors to classes of failure.
//!
//! Contract: classified by error code, then by HTTP status, never by the operation's own error
//! type alone: AWS sends codes that an operation does not declare. The message is AWS's own,
//! without request ID; the request ID is logged here.

use std::error::Error;
use std::io::{self, ErrorKind};

use api::{Failure, FailureClass};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockagentcorecontrol::config::http::HttpResponse;
use aws_sdk_bedrockagentcorecontrol::error::{
    ConnectorError, ErrorMetadata, ProvideErrorMetadata, SdkError,
};
use aws_sdk_bedrockagentcorecontrol::operation::RequestId;
use tracing::debug;

const UNREADABLE: &str = "the answer could not be read";

/// Classifies the failure of a call to this operation, and logs it with AWS's request ID.
pub(super) fn failure<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    let failure = classify(error);
    debug!(
        operation,
        class = failure.class.as_str(),
        request_id = error.request_id().unwrap_or_default(),
        causes = chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": "),
        "the call failed"
    );
    failure
}

fn classify<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let Some(credentials) = find::<CredentialsError>(error) {
        return Failure { class: FailureClass::Credentials, message: without(credentials) };
    }
    match error {
        SdkError::ConstructionFailure(_) => {
            Failure { class: FailureClass::Invalid, message: innermost(error) }
        }
        SdkError::TimeoutError(_) => Failure {
            class: FailureClass::Unanswered,
            message: "no answer within the time limit".to_owned(),
        },
        SdkError::ResponseError(_) => {
            Failure { class: FailureClass::Server, message: UNREADABLE.to_owned() }
        }
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or_default();
            let said = context.err().message().unwrap_or_default();
            let status = context.raw().status().as_u16();
            let message = match (code, said) {
                // The SDK takes what it cannot make sense of for an error, whatever its status.
                ("", "") if status < 300 => UNREADABLE.to_owned(),
                ("", "") => format!("HTTP status {status}"),
                (code, "") => code.to_owned(),
                ("", said) => said.to_owned(),
                (code, said) => format!("{code}: {said}"),
            };
            Failure { class: class_of(code, status, said), message }
        }
        // The variants of the future included: whatever else happened, no answer was understood.
        _ => Failure { class: FailureClass::Unanswered, message: unreached(error) },
    }
}

/// Why there are no credentials. Who gives them out puts request IDs into its errors, too.
fn without(error: &CredentialsError) -> String {
    if let CredentialsError::CredentialsNotLoaded(_) = error {
        return "no AWS credentials: neither in the environment nor in the profile, and no role \
                of a service account, a container or an instance"
            .to_owned();
    }
    match find::<ErrorMetadata>(error) {
        Some(answer) => {
            let (code, said) = (answer.code().unwrap_or_default(), answer.message());
            format!("no AWS credentials: {code}: {}", said.unwrap_or_default())
        }
        None => format!("no AWS credentials: {}", innermost(error)),
    }
}

/// How the connection failed. A broken one shows in many ways, which mean the same: the message
/// must not change from one call to the next.
fn unreached(error: &(dyn Error + 'static)) -> String {
    let broken = match find::<io::Error>(error) {
        Some(io) => matches!(
            io.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        ),
        None => find::<ConnectorError>(error)
            .is_some_and(|error| error.is_io() || error.as_other().is_some()),
    };
    if broken { "the connection broke before the answer".to_owned() } else { innermost(error) }
}

/// The class of an error that AWS has answered with.
fn class_of(code: &str, status: u16, message: &str) -> FailureClass {
    match code {
        "ValidationException" if is_wrong_state(message) => FailureClass::WrongState,
        "ValidationException" | "UnknownOperationException" => FailureClass::Invalid,
        "AccessDeniedException" | "AccessDenied" => FailureClass::Denied,
        "ResourceNotFoundException" => FailureClass::NotFound,
        "ConflictException" => FailureClass::Conflict,
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" => {
            FailureClass::Throttled
        }
        "ServiceQuotaExceededException" => FailureClass::Quota,
        "InternalServerException" => FailureClass::Server,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => FailureClass::Credentials,
        _ => match status {
            402 => FailureClass::Quota,
            401 | 403 => FailureClass::Denied,
            // Not AgentCore's own: any proxy or wrong endpoint answers so. Taken for the
            // gateway's absence, it would let go of targets that live on.
            404 => FailureClass::Server,
            // The server gave up waiting; what it did by then nobody knows.
            408 => FailureClass::Unanswered,
            409 => FailureClass::Conflict,
            429 => FailureClass::Throttled,
            400..500 => FailureClass::Invalid,
            _ => FailureClass::Server,
        },
    }
}

/// AWS says that a target's status does not permit an operation with a `ValidationException`
/// (field reports): "… can't be performed on target when it is in Deleting state".
fn is_wrong_state(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("can't be performed") && message.contains("state")
}

/// The first error of this type in the chain of causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

/// What the last cause in the chain says: the ones before it only lead there.
fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_before_statuses() {
        let cases = [
            ("ValidationException", 400, "bad", FailureClass::Invalid),
            (
                "ValidationException",
                400,
                "Update can't be performed on target when it is in Deleting state",
                FailureClass::WrongState,
            ),
            ("ConflictException", 409, "", FailureClass::Conflict),
            ("ServiceQuotaExceededException", 402, "", FailureClass::Quota),
            ("ExpiredTokenException", 403, "", FailureClass::Credentials),
            ("AccessDeniedException", 403, "", FailureClass::Denied),
            ("SomethingNew", 429, "", FailureClass::Throttled),
            ("ResourceNotFoundException", 404, "", FailureClass::NotFound),
            ("UnknownOperationException", 404, "", FailureClass::Invalid),
            ("", 404, "", FailureClass::Server),
            ("", 408, "", FailureClass::Unanswered),
            ("", 402, "", FailureClass::Quota),
            ("", 403, "", FailureClass::Denied),
            ("", 409, "", FailureClass::Conflict),
            ("", 418, "", FailureClass::Invalid),
            ("", 503, "", FailureClass::Server),
        ];
        for (code, status, message, class) in cases {
            assert_eq!(class_of(code, status, message), class, "{code} {status} {message}");
        }
    }
}
