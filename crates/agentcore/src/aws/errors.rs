//! From the SDK's errors to classes of failure.
//!
//! Contract: classified by error code, then by HTTP status, never by the operation's own error
//! type alone: AWS sends codes that an operation does not declare. The message is AWS's own,
//! without request ID; the request ID is logged here.

use std::error::Error;

use api::{Failure, FailureClass};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockagentcorecontrol::config::http::HttpResponse;
use aws_sdk_bedrockagentcorecontrol::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockagentcorecontrol::operation::RequestId;
use tracing::debug;

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
        message = failure.message,
        "the call failed"
    );
    failure
}

fn classify<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let Some(credentials) = find::<CredentialsError>(error) {
        return Failure { class: FailureClass::Credentials, message: innermost(credentials) };
    }
    match error {
        SdkError::ConstructionFailure(_) => {
            Failure { class: FailureClass::Invalid, message: innermost(error) }
        }
        SdkError::TimeoutError(_) => Failure {
            class: FailureClass::Unanswered,
            message: "no answer within the time limit".to_owned(),
        },
        SdkError::ResponseError(_) => Failure {
            class: FailureClass::Server,
            message: format!("the answer could not be read: {}", innermost(error)),
        },
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or_default();
            let said = context.err().message().unwrap_or_default();
            let class = class_of(code, context.raw().status().as_u16(), said);
            let message = match (code, said) {
                ("", "") => format!("HTTP status {}", context.raw().status().as_u16()),
                (code, "") => code.to_owned(),
                ("", said) => said.to_owned(),
                (code, said) => format!("{code}: {said}"),
            };
            Failure { class, message }
        }
        // The variants of the future included: whatever else happened, no answer was understood.
        _ => Failure { class: FailureClass::Unanswered, message: innermost(error) },
    }
}

/// The class of an error that AWS has answered with.
fn class_of(code: &str, status: u16, message: &str) -> FailureClass {
    match code {
        "ValidationException" if is_wrong_state(message) => FailureClass::WrongState,
        "ValidationException" => FailureClass::Invalid,
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
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => FailureClass::Credentials,
        _ => match status {
            402 => FailureClass::Quota,
            401 | 403 => FailureClass::Denied,
            404 => FailureClass::NotFound,
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
            ("", 404, "", FailureClass::NotFound),
            ("", 418, "", FailureClass::Invalid),
            ("", 503, "", FailureClass::Server),
        ];
        for (code, status, message, class) in cases {
            assert_eq!(class_of(code, status, message), class, "{code} {status} {message}");
        }
    }
}
